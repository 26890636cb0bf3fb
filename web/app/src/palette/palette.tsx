import { Search } from "lucide-preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { useEverything, useRoomSearch, useUserSearch } from "../dialogs/search";
import { t } from "../i18n";
import { StatusEmoji } from "../people/signs";
import { attempt } from "../state/errors";
import { Icon } from "../ui/button";
import { Dialog } from "../ui/dialog";
import {
  actionEntries,
  joinEntries,
  messageEntries,
  personEntries,
  roomEntries,
  type Entry,
} from "./entries";
import { closePalette } from "./open";
import "./palette.css";

const MAX = 8;
const MAX_ACTIONS = 6;

interface Group {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** People, rooms, messages and actions in one box. `#` only rooms, `@` only people, `>` only actions. */
export function PaletteDialog({ query: initial }: { query: string }) {
  const [query, setQuery] = useState(initial);
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const prefix = /^[#@>]/.exec(query)?.[0] ?? "";
  const text = query.slice(prefix.length).trim();
  const users = useUserSearch(prefix === "@" ? text : "");
  const open = useRoomSearch(text, prefix === "#");
  const found = useEverything(prefix === "" ? query.trimStart() : "");
  const groups = useMemo<readonly Group[]>(() => {
    const names = [
      ...(prefix === ">" ? [] : roomEntries(text, prefix)),
      ...personEntries(prefix === "@" ? users : (found?.people ?? [])),
      ...joinEntries(prefix === "#" ? open : (found?.rooms ?? [])),
    ];
    const messages = prefix === "" && text !== "" ? messageEntries(text, found) : [];
    const actions = prefix === ">" || prefix === "" ? actionEntries(text) : [];
    return [
      { title: t("rooms_and_people"), entries: names.slice(0, MAX) },
      { title: t("messages"), entries: messages },
      {
        title: t("actions"),
        entries: actions.slice(0, prefix === ">" ? actions.length : MAX_ACTIONS),
      },
    ].filter((group) => group.entries.length > 0);
  }, [text, prefix, users, open, found]);
  const entries = groups.flatMap((group) => group.entries);
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
      <div
        class="palette-list"
        id="palette-list"
        role="listbox"
        aria-label={t("results")}
        ref={list}
      >
        {groups.map((group) => (
          <div key={group.title} role="group" aria-label={group.title}>
            <p class="palette-title" aria-hidden="true">
              {group.title}
            </p>
            {group.entries.map((entry) => (
              <PaletteOption
                key={entry.key}
                entry={entry}
                index={entries.indexOf(entry)}
                chosen={entries.indexOf(entry) === at}
                onPoint={setChosen}
                onRun={run}
              />
            ))}
          </div>
        ))}
      </div>
      {entries.length === 0 && <p class="palette-none">{t("nothing_matches")}</p>}
    </Dialog>
  );
}

interface OptionProperties {
  readonly entry: Entry;
  readonly index: number;
  readonly chosen: boolean;
  readonly onPoint: (index: number) => void;
  readonly onRun: (entry: Entry) => void;
}

function PaletteOption({ entry, index, chosen, onPoint, onRun }: OptionProperties) {
  return (
    <div
      class="palette-option"
      id={`palette-${index}`}
      role="option"
      aria-selected={chosen}
      onPointerMove={() => onPoint(index)}
      onClick={() => onRun(entry)}
    >
      {entry.sign}
      <bdi>{entry.label}</bdi>
      {entry.person !== undefined && <StatusEmoji id={entry.person} />}
      <small dir="auto">{entry.detail}</small>
      {entry.hint !== undefined && <span class="tag">{entry.hint}</span>}
    </div>
  );
}
