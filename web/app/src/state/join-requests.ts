import { signal } from "@preact/signals";
import type { RoomEntry } from "chat-client";
import { chat, myId } from "./chat";
import { mayAddMembers } from "./permissions";
import { RoomCounts } from "./room-counts";

const KEY = "chat.asked";

const counts = new RoomCounts(async (room) => {
  const { items } = await chat.api.get("/rooms/{room_id}/join-requests", {
    path: { room_id: room },
  });
  return items.length;
});

export const takesRequests = (entry: RoomEntry): boolean =>
  entry.kind === "private" && entry.settings?.join_requests === true && mayAddMembers(entry);

export const countRequests = (room: string): Promise<void> => counts.look(room);

/** How many ask to join the room. */
export const useRequestCount = (entry: RoomEntry): number =>
  counts.use(entry.room, takesRequests(entry));

/** The rooms that this person has asked to join on this device: the server lists them to moderators
 * only. */
export const asked = signal<readonly string[]>([]);

const key = (): string => `${KEY}.${myId.peek()}`;

export function loadAsked(): void {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key()) ?? "[]");
    asked.value = Array.isArray(stored) ? stored.filter((id) => typeof id === "string") : [];
  } catch {
    asked.value = [];
  }
}

export function keepAsked(room: string, isAsked: boolean): void {
  const others = asked.peek().filter((other) => other !== room);
  asked.value = isAsked ? [...others, room] : others;
  try {
    localStorage.setItem(key(), JSON.stringify(asked.peek()));
  } catch {
    // Without storage the request cannot be cancelled after the page was closed.
  }
}
