import { Activity, ChevronDown, Hash, User, UserCog, X } from "lucide-preact";
import type { LucideIcon } from "lucide-preact";
import type { AuditAction } from "chat-client";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { PersonPicker, Picker, RoomPicker } from "../search/pickers";
import { roomEntry } from "../state/chat";
import { nameOf, roomName } from "../state/people";
import { Icon } from "../ui/button";
import { actionsOf, isolate } from "./audit-text";
import "../search/search.css";

/** What an audit log is narrowed to. */
export interface AuditFilter {
  readonly actor?: string;
  readonly action?: AuditAction;
  readonly user?: string;
  readonly room?: string;
}

type Part = keyof AuditFilter;
type Place = "room" | "server";

interface Properties {
  readonly place: Place;
  readonly filter: AuditFilter;
  readonly onChange: (filter: AuditFilter) => void;
}

/** By whom, what, about whom and, in the log of the server, in which room: what is set, and what can
 * be. */
export function AuditFilters({ place, filter, onChange }: Properties) {
  const [open, setOpen] = useState<{ part: Part; anchor: Element } | null>(null);
  const close = (): void => setOpen(null);
  const set = (part: Part, value: string): void => {
    close();
    onChange({ ...filter, [part]: value });
  };
  const remove = (part: Part): void => {
    const { [part]: _, ...rest } = filter;
    onChange(rest);
  };
  const parts = PARTS.filter(({ part }) => part !== "room" || place === "server");
  const anchorOf = (part: Part): Element | null => (open?.part === part ? open.anchor : null);
  const [byWhom, what, aboutWhom, where] = (["actor", "action", "user", "room"] as const).map(
    anchorOf,
  );
  return (
    <div class="panel-section search-filters" role="group" aria-label={t("add_filter")}>
      {parts.map(({ part, icon, label }) => (
        <PartButton
          key={part}
          icon={icon}
          label={label()}
          chosen={filter[part] === undefined ? null : textOf(part, filter)}
          expanded={open?.part === part}
          onOpen={(anchor) => setOpen({ part, anchor })}
          onRemove={() => remove(part)}
        />
      ))}
      {byWhom && (
        <PersonPicker anchor={byWhom} onClose={close} onPick={(_, id) => set("actor", id)} />
      )}
      {what && (
        <ActionPicker
          anchor={what}
          place={place}
          onClose={close}
          onPick={(action) => set("action", action)}
        />
      )}
      {aboutWhom && (
        <PersonPicker anchor={aboutWhom} onClose={close} onPick={(_, id) => set("user", id)} />
      )}
      {where && <RoomPicker anchor={where} onClose={close} onPick={(id) => set("room", id)} />}
    </div>
  );
}

const PARTS: readonly { part: Part; icon: LucideIcon; label: () => string }[] = [
  { part: "actor", icon: UserCog, label: () => t("audit_by_whom") },
  { part: "action", icon: Activity, label: () => t("audit_what") },
  { part: "user", icon: User, label: () => t("audit_about_whom") },
  { part: "room", icon: Hash, label: () => t("in_which_room") },
];

function textOf(part: Part, { actor, action, user, room }: AuditFilter): string {
  if (part === "actor") return t("audit_by", { name: isolate(nameOf(actor ?? "")) });
  if (part === "user") return t("audit_about", { name: isolate(nameOf(user ?? "")) });
  if (part === "action") return action === undefined ? "" : t(`act_${action}`);
  const entry = roomEntry(room ?? "");
  return t("filter_in", { room: isolate(entry === undefined ? "…" : roomName(entry)) });
}

interface ButtonProperties {
  readonly icon: LucideIcon;
  readonly label: string;
  /** In words; null while nothing is. */
  readonly chosen: string | null;
  readonly expanded: boolean;
  readonly onOpen: (anchor: Element) => void;
  readonly onRemove: () => void;
}

/** Opens the choice, or takes it back: one element, which keeps the focus. */
function PartButton({ icon, label, chosen, expanded, onOpen, onRemove }: ButtonProperties) {
  if (chosen !== null)
    return (
      <button
        type="button"
        class="search-chip"
        title={t("remove_filter", { filter: chosen })}
        onClick={onRemove}
      >
        <span class="quiet-text">{t("remove_filter", { filter: "" })}</span>
        <bdi>{chosen}</bdi>
        <Icon icon={X} size={14} />
      </button>
    );
  return (
    <button
      type="button"
      class="search-add"
      aria-haspopup="dialog"
      aria-expanded={expanded}
      onClick={(event) => onOpen(event.currentTarget)}
    >
      <Icon icon={icon} size={14} />
      {label}
      <Icon icon={ChevronDown} size={12} />
    </button>
  );
}

interface ActionProperties {
  readonly anchor: Element;
  readonly place: Place;
  readonly onClose: () => void;
  readonly onPick: (action: AuditAction) => void;
}

function ActionPicker({ anchor, place, onClose, onPick }: ActionProperties) {
  const [query, setQuery] = useState("");
  const wanted = query.trim().toLocaleLowerCase();
  const none: ComponentChildren = null;
  const items = actionsOf(place)
    .map((action) => ({
      key: action,
      sign: none,
      label: t(`act_${action}`),
      run: () => onPick(action),
    }))
    .filter(({ label }) => label.toLocaleLowerCase().includes(wanted));
  return (
    <Picker
      anchor={anchor}
      label={t("find_actions")}
      items={items}
      query={query}
      onQuery={setQuery}
      onClose={onClose}
    />
  );
}
