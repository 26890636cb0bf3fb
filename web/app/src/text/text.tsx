import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { decorateCode } from "./code";
import { decorateGroups, GroupCard, type OpenCard } from "./group-mention";
import { isOnlyEmoji, renderText, type LookUpMention } from "./markdown";
import { decorateMentions } from "./people";
import "./text.css";

const FOLD_CHARS = 1800;
const FOLD_LINES = 24;

interface Properties {
  readonly text: string;
  readonly lookUpMention: LookUpMention;
  readonly edited?: boolean;
  /** A clock stands after the text, without taking room: nothing moves when it goes. */
  readonly waiting?: boolean;
}

/** The text of a message. Very long ones are folded until somebody asks for the rest. */
export function Text({ text, lookUpMention, edited = false, waiting = false }: Properties) {
  const body = useRef<HTMLDivElement>(null);
  const long = text.length > FOLD_CHARS || text.split("\n", FOLD_LINES + 1).length > FOLD_LINES;
  const [open, setOpen] = useState(false);
  const [card, setCard] = useState<OpenCard | null>(null);
  useLayoutEffect(() => {
    const element = body.current;
    if (element === null) return;
    element.replaceChildren(renderText(text, { lookUpMention }));
    decorateCode(element);
    decorateGroups(element, lookUpMention, setCard);
    decorateMentions(element, lookUpMention);
    if (edited) append(element, "edited", ` (${t("edited")})`);
    if (waiting) append(element, "clock", "").setAttribute("aria-label", t("waits_to_be_sent"));
  }, [text, lookUpMention, edited, waiting]);
  const folded = long && !open;
  useLayoutEffect(() => {
    for (const mention of body.current?.querySelectorAll<HTMLElement>("button.mention") ?? [])
      mention.tabIndex = folded ? -1 : 0;
  }, [folded, text, lookUpMention]);
  return (
    <div class="text" data-folded={folded} data-emoji={isOnlyEmoji(text)}>
      <div class="text-body" dir="auto" ref={body} inert={folded && hasLinksBelowFold(text)} />
      {card !== null && <GroupCard card={card} onClose={() => setCard(null)} />}
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

function append(element: HTMLElement, name: string, text: string): HTMLElement {
  const mark = document.createElement("span");
  mark.className = name;
  mark.textContent = text;
  if (text === "") mark.setAttribute("role", "img");
  const last = element.lastElementChild;
  (last?.localName === "p" ? last : element).append(mark);
  return mark;
}
