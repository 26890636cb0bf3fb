import { Search } from "lucide-preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { useRoomSearch, useUserSearch } from "../dialogs/search";
import { t } from "../i18n";
import { attempt } from "../state/errors";
import { Icon } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { actionEntries, joinEntries, personEntries, roomEntries, type Entry } from "./entries";
import { closePalette } from "./open";
import "./palette.css";

const MAX = 12;

/** Rooms, people and actions by name. `#` only rooms, `@` only people, `>` only actions. */
export function PaletteDialog({ query: initial }: { query: string }) {
  const [query, setQuery] = useState(initial);
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const prefix = /^[#@>]/.exec(query)?.[0] ?? "";
  const text = query.slice(prefix.length).trim();
  const users = useUserSearch(prefix === "#" || prefix === ">" ? "" : text);
  const found = useRoomSearch(text, prefix === "#");
  const entries = useMemo<readonly Entry[]>(() => {
    const all = [
      ...(prefix === "" || prefix === "#" || prefix === "@" ? roomEntries(text, prefix) : []),
      ...(prefix === "" || prefix === "@" ? personEntries(users) : []),
      ...(prefix === "#" || (prefix === "" && text !== "") ? joinEntries(found) : []),
      ...(prefix === ">" || prefix === "" ? actionEntries(text) : []),
    ];
    return all.slice(0, MAX);
  }, [text, prefix, users, found]);
  const at = Math.min(chosen, entries.length - 1);
  const run = (entry: Entry | undefined): void => {
    if (entry === undefined) return;
    closePalette();
    void attempt(() => Promise.resolve(entry.run()));
  };
  const key = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") setChosen((at + 1) % Math.max(entries.length, 1));
    else if (event.key === "ArrowUp")
      setChosen((at + entries.length - 1) % Math.max(entries.length, 1));
    else if (event.key === "Enter") run(entries[at]);
    else return;
    event.preventDefault();
    queueMicrotask(() =>
      list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" }),
    );
  };
  return (
    <Dialog title={t("find_or_jump")} onClose={closePalette} bare class="palette">
      <label class="palette-field">
        <Icon icon={Search} />
        <input
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={entries.length > 0 ? `palette-${at}` : undefined}
          aria-label={t("find_or_jump")}
          placeholder={t("palette_placeholder")}
          dir="auto"
          autocomplete="off"
          spellcheck={false}
          autofocus
          value={query}
          onInput={(event) => {
            setQuery(event.currentTarget.value);
            setChosen(0);
          }}
          onKeyDown={key}
        />
      </label>
      <ul
        class="palette-list"
        id="palette-list"
        role="listbox"
        aria-label={t("results")}
        ref={list}
      >
        {entries.map((entry, index) => (
          <li
            key={entry.key}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === at}
            onPointerMove={() => setChosen(index)}
            onClick={() => run(entry)}
          >
            {entry.sign}
            <bdi>{entry.label}</bdi>
            <small dir="auto">{entry.detail}</small>
            {entry.hint !== undefined && <span class="tag">{entry.hint}</span>}
          </li>
        ))}
      </ul>
      {entries.length === 0 && <p class="palette-none">{t("nothing_matches")}</p>}
    </Dialog>
  );
}
