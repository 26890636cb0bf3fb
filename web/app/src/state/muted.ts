import { signal } from "@preact/signals";
import type { RoomNotifications } from "chat-client";
import { chat, myId } from "./chat";

const KEY = "chat.muted";

const settings = signal<ReadonlyMap<string, RoomNotifications>>(new Map());
/** The rooms that were muted when this device last knew. */
const muted = signal<readonly string[]>(remembered());
const asked = new Set<string>();

function remembered(): readonly string[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as string[];
  } catch {
    return [];
  }
}

/** The notification settings of a room, as far as they were read; they are read once for each room
 * and after each change on this device. */
export function notificationsOf(room: string): RoomNotifications | undefined {
  const key = `${myId.value} ${room}`;
  if (!asked.has(key)) {
    asked.add(key);
    chat
      .room(room)
      .notificationSettings()
      .then(
        (value) => keepNotifications(room, value),
        () => asked.delete(key), // offline: asked again when it is shown again
      );
  }
  return settings.value.get(room);
}

export function keepNotifications(room: string, value: RoomNotifications): void {
  settings.value = new Map(settings.peek()).set(room, value);
  const others = muted.peek().filter((other) => other !== room);
  muted.value = value.muted ? [...others, room] : others;
  try {
    localStorage.setItem(KEY, JSON.stringify(muted.peek()));
  } catch {
    // Without storage the settings are read again the next time.
  }
}

export function isMuted(room: string): boolean {
  return muted.value.includes(room);
}
