import type { AuditAction, AuditEntry, Role } from "chat-client";
import { formatNumber, t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { durationText } from "../i18n/durations";
import { nameOf } from "../state/people";
import { changeable, roles, type Changeable } from "../state/permissions";
import { outcomeText } from "../state/reports";

/** Where each is done; the filter of words is one of a room or of the server. */
const ACTIONS: Readonly<Record<AuditAction, "room" | "server">> = {
  member_added: "room",
  member_removed: "room",
  member_banned: "room",
  member_unbanned: "room",
  member_timed_out: "room",
  time_out_lifted: "room",
  role_changed: "room",
  room_transferred: "room",
  permissions_changed: "room",
  room_updated: "room",
  room_archived: "room",
  room_restored: "room",
  room_deleted: "server",
  invite_created: "room",
  invite_revoked: "room",
  join_request_approved: "room",
  join_request_declined: "room",
  filter_rule_added: "room",
  filter_rule_removed: "room",
  messages_deleted: "room",
  message_pinned: "room",
  message_unpinned: "room",
  poll_closed: "room",
  thread_locked: "room",
  report_resolved: "room",
  thread_unlocked: "room",
  user_banned: "server",
  user_unbanned: "server",
  administrator_created: "server",
  server_updated: "server",
  group_created: "server",
  group_updated: "server",
  group_deleted: "server",
  group_member_added: "server",
  group_member_removed: "server",
  group_manager_added: "server",
  group_manager_removed: "server",
};

/** What the log of a room, or that of the server, can be narrowed to. */
export function actionsOf(place: "room" | "server"): readonly AuditAction[] {
  return (Object.keys(ACTIONS) as AuditAction[]).filter(
    (action) => place === "server" || ACTIONS[action] === "room",
  );
}

const isKnown = (action: string): action is AuditAction => Object.hasOwn(ACTIONS, action);

/** A name keeps its own direction inside of a sentence. */
export const isolate = (name: string): string => `\u2068${name}\u2069`;

/** "Ada banned Bob from the room." */
export function sentenceOf(entry: AuditEntry): string {
  const { action } = entry;
  const actor = isolate(entry.actor === null ? t("audit_operator") : nameOf(entry.actor));
  if (!isKnown(action)) return t("audit_unknown", { actor, action });
  return t(`audit_${action}`, { actor, user: targetOf(entry) });
}

function targetOf({ user, after, before }: AuditEntry): string {
  if (user !== null) return isolate(nameOf(user));
  const role = (after ?? before)?.role;
  return typeof role === "string" ? t("audit_role", { role: roleText(role) }) : "…";
}

export interface Change {
  readonly label: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What was changed, of what a person understands; ids say nothing. */
export function changesOf({ action, before, after }: AuditEntry): readonly Change[] {
  const fields = Object.keys(FIELDS).filter(
    (field) => before?.[field] !== undefined || after?.[field] !== undefined,
  );
  return fields.flatMap((field) => {
    if (field === "role" && action === "permissions_changed") return []; // the sentence has it
    const [label, format] = FIELDS[field] ?? [(): string => field, String];
    const text = (values: AuditEntry["before"]): string | null => {
      const value = values?.[field];
      return value === undefined ? null : format(value);
    };
    const change = { label: label(), before: text(before), after: text(after) };
    return change.before === change.after ? [] : [change];
  });
}

type Field = readonly [label: () => string, format: (value: unknown) => string];

const plain = (value: unknown): string =>
  value === null || value === "" ? t("nothing") : `\u2068${textOf(value)}\u2069`;
const flag = (value: unknown): string => t(value === true ? "on" : "off");
const moment =
  (never: () => string) =>
  (value: unknown): string =>
    typeof value === "string" ? formatMoment(Date.parse(value)) : never();

const FIELDS: Readonly<Record<string, Field>> = {
  name: [() => t("room_name"), plain],
  topic: [() => t("topic"), plain],
  retention_days: [
    () => t("keep_messages"),
    (value) => (typeof value === "number" ? t("days_long", { days: value }) : t("for_ever")),
  ],
  version_access: [
    () => t("who_sees_versions"),
    (value) =>
      value === "nobody" ? t("only_sender") : t(value === "members" ? "all_members" : "admins"),
  ],
  read_by: [() => t("show_read_by"), flag],
  slow_mode_s: [
    () => t("slow_mode"),
    (value) => (typeof value === "number" && value > 0 ? durationText(value) : t("off")),
  ],
  join_requests: [() => t("allow_join_requests"), flag],
  announcement: [() => t("announcement_room"), flag],
  history: [
    () => t("history_visible"),
    (value) => t(value === "since_joining" ? "history_since_joining" : "history_all"),
  ],
  role: [() => t("role"), (value) => roleText(textOf(value))],
  until: [() => t("ends"), moment(() => t("until_lifted"))],
  max_uses: [
    () => t("max_uses"),
    (value) => (typeof value === "number" ? formatNumber(value) : t("any_number")),
  ],
  expires_at: [() => t("works_for"), moment(() => t("for_ever"))],
  allow: [() => t("allowed"), permissionsText],
  deny: [() => t("denied"), permissionsText],
  expression: [() => t("filter_rule"), plain],
  action: [
    () => t("filter_action"),
    (value) => t(value === "report" ? "filter_report" : "filter_refuse"),
  ],
  note: [() => t("note"), plain],
  outcome: [() => t("outcome"), (value) => outcomeText(textOf(value))],
  seqs: [() => t("messages"), (value) => formatNumber(Array.isArray(value) ? value.length : 1)],
  handle: [() => t("handle"), (value) => isolate(`@${textOf(value)}`)],
  display_name: [() => t("display_name"), plain],
};

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);

const roleText = (role: string): string => (roles.includes(role as Role) ? t(role as Role) : role);

function permissionsText(value: unknown): string {
  const list = Array.isArray(value) ? (value as unknown[]).map(textOf) : [];
  if (list.length === 0) return t("nothing");
  return list
    .map((one) =>
      changeable.includes(one as Changeable) ? t(`permission_${one as Changeable}`) : one,
    )
    .join(", ");
}
