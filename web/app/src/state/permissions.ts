import type { RoomEntry } from "chat-client";

/** Which actions the page offers. The server decides: this only hides what it would refuse
 * (docs/protocol.md, "Rooms and permissions"). */
const manages = (entry: RoomEntry): boolean => entry.role === "owner" || entry.role === "admin";
const open = (entry: RoomEntry): boolean => !entry.archived && entry.role != null;
const shared = (entry: RoomEntry): boolean => entry.kind === "group" || entry.kind === "direct";

export const maySend = open;
export const mayPin = (entry: RoomEntry): boolean =>
  open(entry) && (shared(entry) || manages(entry));
export const mayDeleteOthers = (entry: RoomEntry): boolean =>
  open(entry) && entry.kind !== "direct" && manages(entry);
export const mayAddMembers = (entry: RoomEntry): boolean =>
  open(entry) &&
  (entry.kind === "public" ||
    entry.kind === "group" ||
    (entry.kind === "private" && manages(entry)));
export const mayRemoveMembers = mayDeleteOthers;
export const mayChangeRoles = (entry: RoomEntry): boolean =>
  open(entry) && entry.kind !== "direct" && entry.role === "owner";
export const mayChangeRoom = (entry: RoomEntry): boolean =>
  open(entry) && (entry.kind === "group" || (entry.kind !== "direct" && manages(entry)));
export const mayArchive = (entry: RoomEntry): boolean =>
  entry.kind !== "direct" && entry.role === "owner";
export const mayLeave = (entry: RoomEntry): boolean =>
  entry.kind !== "direct" && entry.role != null;
