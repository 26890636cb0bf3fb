import { Search } from "lucide-preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { t, type Key } from "../i18n";
import { complain } from "../state/errors";
import { Icon } from "../ui/button";
import { Popover } from "../ui/popover";
import { Skeleton } from "../ui/states";
import { allEmoji, filterEmoji, recentEmoji, rememberEmoji, type Emoji } from "./data";
import type { PickerProperties } from "./lazy-picker";
import "./picker.css";

const GROUPS = [
  "emoji_people",
  "emoji_body",
  "emoji_nature",
  "emoji_food",
  "emoji_travel",
  "emoji_activities",
  "emoji_objects",
  "emoji_symbols",
  "emoji_flags",
] as const satisfies readonly Key[];
/** The numbers of emojibase; 2 are skin tones and hair, which are no emoji of their own. */
const NUMBERS = [0, 1, 3, 4, 5, 6, 7, 8, 9];
const COLUMNS = 9;

export function Picker({ anchor, onPick, onClose }: PickerProperties) {
  const [all, setAll] = useState<readonly Emoji[] | null>(null);
  const [query, setQuery] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  useEffect(() => {
    allEmoji().then(setAll, complain);
    field.current?.focus();
  }, []);
  const sections = useMemo(() => (all === null ? [] : makeSections(all, query)), [all, query]);
  const pick = (emoji: string): void => {
    rememberEmoji(emoji);
    onClose();
    onPick(emoji);
  };
  return (
    <Popover anchor={anchor} label={t("emoji")} onClose={onClose} class="picker">
      <label class="picker-search">
        <Icon icon={Search} size={16} />
        <input
          ref={field}
          type="search"
          placeholder={t("search_emoji")}
          aria-label={t("search_emoji")}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            const first = sections[0]?.emoji[0];
            if (event.key === "Enter" && first) pick(first.emoji);
            if (event.key !== "ArrowDown") return;
            event.preventDefault();
            grid.current?.querySelector("button")?.focus();
          }}
        />
      </label>
      <div class="picker-grid" ref={grid} onKeyDown={(event) => moveInGrid(event, field.current)}>
        {all === null && <Skeleton shape="lines" count={4} />}
        {all !== null && sections.length === 0 && <p class="picker-none">{t("nothing_matches")}</p>}
        {sections.map((section) => (
          <section key={section.title} aria-label={section.title}>
            <h3>{section.title}</h3>
            <div class="picker-emoji">
              {section.emoji.map((entry) => (
                <button
                  key={entry.emoji}
                  type="button"
                  tabIndex={-1}
                  title={entry.name}
                  aria-label={entry.name}
                  onClick={() => pick(entry.emoji)}
                >
                  {entry.emoji}
                </button>
              ))}
            </div>
          </section>
        ))}
      </div>
    </Popover>
  );
}

function makeSections(
  all: readonly Emoji[],
  query: string,
): { title: string; emoji: readonly Emoji[] }[] {
  const shown = filterEmoji(all, query);
  if (query.trim() !== "")
    return shown.length === 0 ? [] : [{ title: t("results"), emoji: shown.slice(0, 90) }];
  const byEmoji = new Map(all.map((entry) => [entry.emoji, entry]));
  const recent = recentEmoji().flatMap((emoji) => byEmoji.get(emoji) ?? []);
  const groups = GROUPS.map((key, index) => ({
    title: t(key),
    emoji: all.filter((entry) => entry.group === NUMBERS[index]),
  }));
  return [{ title: t("recently_used"), emoji: recent }, ...groups];
}

function moveInGrid(event: KeyboardEvent, field: HTMLElement | null): void {
  const buttons = [...(event.currentTarget as HTMLElement).querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
  const forward = getComputedStyle(event.currentTarget as HTMLElement).direction === "rtl" ? -1 : 1;
  const steps: Record<string, number> = {
    ArrowRight: forward,
    ArrowLeft: -forward,
    ArrowDown: COLUMNS,
    ArrowUp: -COLUMNS,
  };
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const next = at + step < 0 ? field : buttons[Math.min(at + step, buttons.length - 1)];
  next?.focus();
}
