import { AtSign, Calendar, ChevronDown, Hash, Link, Pin, User, X } from "lucide-preact";
import type { LucideIcon } from "lucide-preact";
import { Bookmark, ChartBarBig, MessageSquareText } from "lucide-preact";
import { useState } from "preact/hooks";
import { t, type Key } from "../i18n";
import { formatDate } from "../i18n/dates";
import { roomEntry } from "../state/chat";
import { roomName, isPeople } from "../state/people";
import { Icon } from "../ui/button";
import { Menu, type MenuItem } from "../ui/menu";
import { DatePicker, PersonPicker, RoomPicker } from "./pickers";
import { findFault, isSame, type Filter } from "./query";

interface Properties {
  readonly filters: readonly Filter[];
  readonly onChange: (filters: readonly Filter[]) => void;
}

/** The filters of a search: those that are set, and what can be added. */
export function Filters({ filters, onChange }: Properties) {
  const add = (filter: Filter): void => {
    if (!filters.some((other) => isSame(other, filter))) onChange([...filters, filter]);
  };
  const remove = (filter: Filter): void =>
    onChange(filters.filter((other) => !isSame(other, filter)));
  return (
    <div class="search-filters">
      {filters.map((filter) => (
        <Chip
          key={`${filter.negated} ${filter.operator} ${filter.value}`}
          filter={filter}
          faulty={findFault(filter, filters) !== undefined}
          onRemove={() => remove(filter)}
        />
      ))}
      <AddFilters onAdd={add} />
    </div>
  );
}

function Chip({
  filter,
  faulty,
  onRemove,
}: {
  filter: Filter;
  faulty: boolean;
  onRemove: () => void;
}) {
  const label = describeFilter(filter);
  return (
    <button
      type="button"
      class="search-chip"
      data-faulty={faulty}
      title={t("remove_filter", { filter: label })}
      onClick={onRemove}
    >
      <span class="quiet-text">{t("remove_filter", { filter: "" })}</span>
      <bdi>{label}</bdi>
      <Icon icon={X} size={14} />
    </button>
  );
}

const WORDS: Readonly<Record<string, Key>> = {
  "has:link": "has_link",
  "has:poll": "has_poll",
  "is:pinned": "is_pinned",
  "is:thread": "is_in_thread",
  "is:saved": "is_saved",
  "mentions:me": "mentions_me",
  "mentions:@me": "mentions_me",
};

/** A filter in words: "From Ada", "Not in #design", "After 28 November 2026". */
export function describeFilter({ operator, value, negated }: Filter): string {
  const known = WORDS[`${operator}:${value.toLowerCase()}`];
  let text: string;
  if (known !== undefined) text = t(known as "has_link");
  else if (operator === "from")
    text = t("filter_from", { name: value.toLowerCase() === "me" ? t("you") : value });
  else if (operator === "in") text = t("filter_in", { room: placeName(value) });
  else if (operator === "before" || operator === "after" || operator === "on")
    text = t(`filter_${operator}`, { date: formatDate(value) });
  else text = `${operator}:${value}`;
  return negated ? t("filter_not", { filter: text }) : text;
}

function placeName(room: string): string {
  const entry = roomEntry(room.toLowerCase());
  if (entry === undefined) return room;
  // Isolated from the direction of the text around it.
  return `\u2068${isPeople(entry) ? "" : "#"}${roomName(entry)}\u2069`;
}

type Open = "from" | "in" | "date" | "more";

function AddFilters({ onAdd }: { onAdd: (filter: Filter) => void }) {
  const [open, setOpen] = useState<{ what: Open; anchor: Element } | null>(null);
  const close = (): void => setOpen(null);
  const add = (operator: Filter["operator"], value: string): void => {
    close();
    onAdd({ operator, value, negated: false });
  };
  const item = (icon: LucideIcon, operator: Filter["operator"], value: string): MenuItem => ({
    icon,
    label: describeFilter({ operator, value, negated: false }),
    run: () => add(operator, value),
  });
  const more = [
    [item(AtSign, "mentions", "me")],
    [item(Link, "has", "link"), item(ChartBarBig, "has", "poll")],
    [
      item(Pin, "is", "pinned"),
      item(MessageSquareText, "is", "thread"),
      item(Bookmark, "is", "saved"),
    ],
  ];
  const opener = (what: Open, icon: LucideIcon | null, label: string) => (
    <button
      type="button"
      class="search-add"
      aria-haspopup={what === "more" ? "menu" : "dialog"}
      aria-expanded={open?.what === what}
      onClick={(event) => setOpen({ what, anchor: event.currentTarget })}
    >
      {icon !== null && <Icon icon={icon} size={14} />}
      {label}
      <Icon icon={ChevronDown} size={12} />
    </button>
  );
  return (
    <div class="search-adds" role="group" aria-label={t("add_filter")}>
      {opener("from", User, t("from_whom"))}
      {opener("in", Hash, t("in_which_room"))}
      {opener("date", Calendar, t("date"))}
      {opener("more", null, t("more"))}
      {open?.what === "from" && (
        <PersonPicker
          anchor={open.anchor}
          onClose={close}
          onPick={(username) => add("from", username)}
        />
      )}
      {open?.what === "in" && (
        <RoomPicker anchor={open.anchor} onClose={close} onPick={(room) => add("in", room)} />
      )}
      {open?.what === "date" && <DatePicker anchor={open.anchor} onClose={close} onPick={add} />}
      {open?.what === "more" && (
        <Menu anchor={open.anchor} label={t("more")} groups={more} onClose={close} />
      )}
    </div>
  );
}
