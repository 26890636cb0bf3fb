import type { RoomEntry } from "chat-client";

/** Which actions the page offers. The server decides: this only hides what it would refuse
 * (docs/protocol.md, "Rooms and permissions"). */
const may =
  (permission: string) =>
  (entry: RoomEntry): boolean =>
    entry.role != null && entry.permissions?.includes(permission) === true;

export const maySend = may("send");
export const mayPin = may("pin");
export const mayDeleteOthers = may("moderate");
export const mayAddMembers = may("add");
export const mayRemoveMembers = may("remove");
export const mayChangeRoles = may("set_role");
export const mayChangeRoom = may("edit");
export const mayArchive = may("archive");
export const mayLeave = may("leave");
