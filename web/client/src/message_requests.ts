/** The requests about messages of a room that need no state. All throw ApiError. */

import type { Api } from "./api.js";
import { ROOM_STREAM, type Stream } from "./message_store.js";
import type { PageQuery } from "./message_views.js";
import type { Gap } from "./room_cursor.js";
import type { EventPage, Message, MessagePage } from "./types.js";

const MAX_EVENTS = 100;

export class MessageRequests {
  constructor(private readonly api: Api) {}

  events(room_id: string, { after, until }: Gap): Promise<EventPage> {
    const query = { after, until, limit: MAX_EVENTS };
    return this.api.get("/rooms/{room_id}/events", { path: { room_id }, query });
  }

  page(room_id: string, stream: Stream, query: PageQuery): Promise<MessagePage> {
    if (stream === ROOM_STREAM) {
      return this.api.get("/rooms/{room_id}/messages", { path: { room_id }, query });
    }
    const path = { room_id, seq: stream };
    return this.api.get("/rooms/{room_id}/threads/{seq}/messages", { path, query });
  }

  message(room_id: string, seq: number): Promise<Message> {
    return this.api.get("/rooms/{room_id}/messages/{seq}", { path: { room_id, seq } });
  }
}
