import { computed } from "@preact/signals";
import type { RoomEntry } from "chat-client";
import { rooms } from "../state/chat";
import { isPeople } from "../state/people";

const newest = (entry: RoomEntry): number =>
  entry.last_message ? Date.parse(entry.last_message.at) : 0;

/** Rooms by name, so that each keeps its place; people by their newest message. */
export const shownRooms = computed(() =>
  rooms.value
    .filter((entry) => !entry.archived && !isPeople(entry))
    .sort((one, two) => (one.name ?? "").localeCompare(two.name ?? "")),
);

export const shownPeople = computed(() =>
  rooms.value
    .filter((entry) => !entry.archived && isPeople(entry))
    .sort((one, two) => newest(two) - newest(one)),
);
