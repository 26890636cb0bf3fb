import type { PresenceState, RoomEntry, User } from "chat-client";
import { formatNumber, t } from "../i18n";
import { chat, myId } from "./chat";
import { live } from "./live";
import { knownMembers } from "./members";

export const person = (id: string): User | undefined => live(chat.users.get(id)).value;

export const presenceOf = (id: string): PresenceState => live(chat.presence.get(id)).value;

/** While a profile is on its way a name is a place, not a text. */
export const nameOf = (id: string): string => person(id)?.display_name ?? "…";

/** Everybody of a direct room but the reader; the reader alone for notes to oneself. */
export function othersOf(entry: RoomEntry): readonly string[] {
  const others = (entry.users ?? []).filter((id) => id !== myId.value);
  return others.length > 0 ? others : (entry.users ?? []);
}

export function roomName(entry: RoomEntry): string {
  if (entry.name) return entry.name;
  if (entry.kind !== "direct") return groupName(entry.room);
  const others = othersOf(entry);
  if (others.length === 1 && others[0] === myId.value) return t("notes_to_self");
  return others.map(nameOf).join(", ");
}

const MAX_NAMES = 2;

/** A group without a name is called after its people. */
function groupName(room: string): string {
  const list = knownMembers(room)?.filter(({ user }) => user.id !== myId.value);
  if (list === undefined || list.length === 0) return t("group_without_name");
  const names = list.slice(0, MAX_NAMES).map(({ user }) => user.display_name);
  const rest = list.length - names.length;
  return [...names, ...(rest > 0 ? [`+${formatNumber(rest)}`] : [])].join(", ");
}

export const isPeople = (entry: RoomEntry): boolean =>
  entry.kind === "direct" || entry.kind === "group";
