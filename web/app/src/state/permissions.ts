import type { Role, RoomEntry } from "chat-client";
import defaults from "./default-permissions.json";

/** Which actions the page offers. The server decides: this only hides what it would refuse
 * (docs/protocol.md, "Rooms and permissions"). */
const may =
  (permission: string) =>
  (entry: RoomEntry): boolean =>
    entry.role != null && entry.permissions?.includes(permission) === true;

export const maySend = may("send");
export const mayReplyInThreads = may("send_in_threads");
export const mayPin = may("pin");
export const mayDeleteOthers = may("moderate");
export const mayTimeOut = may("time_out");
export const mayAddMembers = may("add");
export const mayRemoveMembers = may("remove");
export const mayChangeRoles = may("set_role");
export const mayManagePermissions = may("manage_permissions");
export const mayChangeRoom = may("edit");
export const mayViewAuditLog = may("view_audit_log");
export const mayArchive = may("archive");
export const mayDeleteRoom = may("delete");
export const mayLeave = may("leave");

const RANKS: Readonly<Record<Role, number>> = {
  guest: 0,
  member: 1,
  moderator: 2,
  admin: 3,
  owner: 4,
};

/** From the lowest to the highest. */
export const roles = Object.keys(RANKS) as readonly Role[];

/** Whether somebody in the first role acts on one in the second: those of a lower rank; owners on
 * all. */
export function outranks(role: Role | null | undefined, target: Role): boolean {
  return role === "owner" || (role != null && RANKS[role] > RANKS[target]);
}

/** What a room may allow or deny; reading and leaving come with being a member. */
export type Changeable = keyof typeof defaults;
export const changeable = Object.keys(defaults) as readonly Changeable[];

const OF_ANNOUNCERS: readonly Changeable[] = ["send", "create_polls"];

/** Whether a role has a permission where the room says nothing about it. */
export function isDefault(entry: RoomEntry, permission: Changeable, role: Role): boolean {
  const lowest = defaults[permission][entry.kind] as Role | null;
  if (lowest === null || RANKS[role] < RANKS[lowest]) return false;
  const announces = entry.settings?.announcement === true && OF_ANNOUNCERS.includes(permission);
  return !announces || RANKS[role] >= RANKS.moderator;
}
