import type { User } from "chat-client";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useUserSearch } from "../dialogs/search";
import { t } from "../i18n";
import { route } from "../router";
import { RoomSign } from "../sidebar/room-sign";
import { me, myId, rooms } from "../state/chat";
import { membersOf } from "../state/members";
import { roomName } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Button } from "../ui/button";
import { Choice, Field } from "../ui/field";
import { Popover } from "../ui/popover";
import { moveFocus } from "../ui/roving";
import "../dialogs/dialogs.css";

const MAX = 12;

interface Properties<T extends unknown[]> {
  readonly anchor: Element;
  readonly onClose: () => void;
  readonly onPick: (...picked: T) => void;
}

export interface Choosable {
  readonly key: string;
  readonly sign: ComponentChildren;
  readonly label: string;
  readonly detail?: string;
  readonly run: () => void;
}

/** A box that narrows a list. The arrow keys go through both. */
export function Picker({
  anchor,
  label,
  items,
  query,
  onQuery,
  onClose,
}: {
  anchor: Element;
  label: string;
  items: readonly Choosable[];
  query: string;
  onQuery: (query: string) => void;
  onClose: () => void;
}) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <Popover anchor={anchor} label={label} onClose={onClose} class="search-picker">
      <div onKeyDown={(event) => moveFocus(event, "input, li button")}>
        <div class="field">
          <input
            ref={box}
            type="search"
            aria-label={label}
            placeholder={label}
            value={query}
            dir="auto"
            onInput={(event) => onQuery(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.isComposing) return;
              event.preventDefault();
              items[0]?.run();
            }}
          />
        </div>
        <ul class="pick-list">
          {items.map((item) => (
            <li key={item.key}>
              <button type="button" onClick={item.run}>
                {item.sign}
                <bdi>{item.label}</bdi>
                {item.detail !== undefined && (
                  <small>
                    <bdi>{item.detail}</bdi>
                  </small>
                )}
              </button>
            </li>
          ))}
        </ul>
        {items.length === 0 && <p class="search-none">{t("nothing_matches")}</p>}
      </div>
    </Popover>
  );
}

interface PersonProperties extends Properties<[username: string, id: string]> {
  /** Others than oneself, and only members of the room that is open. */
  readonly membersOnly?: boolean;
}

export function PersonPicker({ anchor, onClose, onPick, membersOnly = false }: PersonProperties) {
  const [query, setQuery] = useState("");
  const [near, setNear] = useState<readonly User[]>([]);
  const found = useUserSearch(membersOnly ? "" : query);
  const { room } = route.value;
  useEffect(() => {
    if (room === null) return;
    membersOf(room).then(
      (list) => setNear(list.map(({ user }) => user)),
      () => undefined, // offline: only oneself
    );
  }, [room]);
  const wanted = query.trim().toLocaleLowerCase();
  const matching = membersOnly
    ? near.filter((user) =>
        `${user.display_name}\n${user.username}`.toLocaleLowerCase().includes(wanted),
      )
    : found;
  const others = (wanted === "" ? near : matching).filter((user) => user.id !== myId.value);
  const people: Choosable[] = others.slice(0, MAX).map((user) => ({
    key: user.id,
    sign: <Avatar id={user.id} name={user.display_name} size={22} />,
    label: user.display_name,
    detail: `@${user.username}`,
    run: () => onPick(user.username, user.id),
  }));
  const self = me.value;
  if (wanted === "" && self !== undefined && !membersOnly) {
    people.unshift({
      key: self.id,
      sign: <Avatar id={self.id} name={self.display_name} size={22} />,
      label: t("you"),
      run: () => onPick("me", self.id),
    });
  }
  return (
    <Picker
      anchor={anchor}
      label={t("find_people")}
      items={people}
      query={query}
      onQuery={setQuery}
      onClose={onClose}
    />
  );
}

export function RoomPicker({ anchor, onClose, onPick }: Properties<[room: string]>) {
  const [query, setQuery] = useState("");
  const wanted = query.trim().toLocaleLowerCase();
  const here = route.value.room;
  const shown = rooms.value
    .filter((entry) => roomName(entry).toLocaleLowerCase().includes(wanted))
    .sort((one, two) => Number(two.room === here) - Number(one.room === here))
    .slice(0, MAX);
  return (
    <Picker
      anchor={anchor}
      label={t("find_rooms")}
      items={shown.map((entry) => ({
        key: entry.room,
        sign: <RoomSign entry={entry} />,
        label: roomName(entry),
        ...(entry.room === here ? { detail: t("this_room") } : {}),
        run: () => onPick(entry.room),
      }))}
      query={query}
      onQuery={setQuery}
      onClose={onClose}
    />
  );
}

type Period = "on" | "before" | "after";

export function DatePicker({ anchor, onClose, onPick }: Properties<[Period, string]>) {
  const [period, setPeriod] = useState<Period>("on");
  const [day, setDay] = useState(() => new Date().toISOString().slice(0, 10));
  const box = useRef<HTMLFormElement>(null);
  useEffect(() => box.current?.querySelector("select")?.focus(), []);
  return (
    <Popover anchor={anchor} label={t("date")} onClose={onClose} class="search-picker">
      <form
        class="panel-form"
        ref={box}
        onSubmit={(event) => {
          event.preventDefault();
          if (day !== "") onPick(period, day);
        }}
      >
        <Choice
          label={t("when_sent")}
          value={period}
          options={[
            ["on", t("on_day")],
            ["before", t("before_day")],
            ["after", t("after_day")],
          ]}
          onChange={setPeriod}
        />
        <Field
          label={t("date")}
          type="date"
          required
          value={day}
          hint={t("days_are_utc")}
          onInput={(event) => setDay(event.currentTarget.value)}
        />
        <Button kind="primary" type="submit" disabled={day === ""}>
          {t("add_filter")}
        </Button>
      </form>
    </Popover>
  );
}
