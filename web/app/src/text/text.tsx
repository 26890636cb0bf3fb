import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { decorateCode } from "./code";
import { isOnlyEmoji, renderText, type LookUpMention } from "./markdown";
import "./text.css";

const FOLD_CHARS = 1800;
const FOLD_LINES = 24;

interface Properties {
  readonly text: string;
  readonly lookUpMention: LookUpMention;
  readonly edited?: boolean;
}

/** The text of a message. Very long ones are folded until somebody asks for the rest. */
export function Text({ text, lookUpMention, edited = false }: Properties) {
  const body = useRef<HTMLDivElement>(null);
  const long = text.length > FOLD_CHARS || text.split("\n", FOLD_LINES + 1).length > FOLD_LINES;
  const [open, setOpen] = useState(false);
  useLayoutEffect(() => {
    const element = body.current;
    if (element === null) return;
    element.replaceChildren(renderText(text, { lookUpMention }));
    decorateCode(element);
    if (edited) appendEdited(element);
  }, [text, lookUpMention, edited]);
  const folded = long && !open;
  return (
    <div class="text" data-folded={folded} data-emoji={isOnlyEmoji(text)}>
      <div class="text-body" dir="auto" ref={body} inert={folded && hasLinksBelowFold(text)} />
      {long && (
        <button class="text-more" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? t("show_less") : t("show_all")}
        </button>
      )}
    </div>
  );
}

/** Links that are cut off would take the focus out of sight. */
const hasLinksBelowFold = (text: string): boolean =>
  /https?:|\]\(/.test(text.slice(FOLD_CHARS / 2));

function appendEdited(element: HTMLElement): void {
  const mark = document.createElement("span");
  mark.className = "edited";
  mark.textContent = ` (${t("edited")})`;
  const last = element.lastElementChild;
  (last?.localName === "p" ? last : element).append(mark);
}
