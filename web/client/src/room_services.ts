import type { Stream } from "./message_store.js";
import type { PageQuery } from "./message_views.js";
import type { Gap } from "./room_cursor.js";
import type { RoomLog } from "./room_log.js";
import type { SafeStorage } from "./safe_storage.js";
import type { EventPage, Message, MessagePage } from "./types.js";

/** What the logs of all rooms share. */
export interface RoomServices {
  readonly me: string;
  readonly storage: SafeStorage;
  /** The key of a room in the storage. */
  key(room: string): string;
  readEvents(room: string, gap: Gap): Promise<EventPage>;
  readPage(room: string, stream: Stream, query: PageQuery): Promise<MessagePage>;
  readMessage(room: string, seq: number): Promise<Message>;
  /** Asks for the room's events from its position on, or ends that. */
  want(log: RoomLog): void;
  unwant(log: RoomLog): void;
  /** Asks for the head again: events that were announced did not come. */
  reopen(log: RoomLog): void;
}
