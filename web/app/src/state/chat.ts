import { computed } from "@preact/signals";
import { ChatClient, type RoomEntry, type User } from "chat-client";
import { live } from "./live";

export const chat = new ChatClient({ url: location.origin });

export const session = live(chat.session);
export const connection = live(chat.connection);
export const rooms = live(chat.rooms);

export const me = computed<User | undefined>(() =>
  session.value.state === "signed_in" ? session.value.user : undefined,
);
/** "" while nobody is signed in. */
export const myId = computed(() => me.value?.id ?? "");

const entries = computed(() => new Map(rooms.value.map((entry) => [entry.room, entry])));

export const roomEntry = (room: string): RoomEntry | undefined => entries.value.get(room);
