import type { ApiError } from "./errors.js";
import { messageKey } from "./message_views.js";
import type { Ack, ClientFrame, Message, NewMessage, SendError, TimelineMessage } from "./types.js";

export type SendFrame = Extract<ClientFrame, { type: "message.send" }>;

/**
 * A message that has no answer yet, or whose answer was a refusal (`error`). `order` grows from one
 * message of a tab to the next; `created_at` is a time in ms.
 */
export interface OutboxEntry {
  readonly nonce: string;
  readonly room: string;
  readonly order: number;
  readonly created_at: number;
  readonly content: NewMessage;
  readonly error?: SendError;
}

/** What an ack says of a message. */
export interface Sent {
  readonly seq: number;
  readonly at: string;
}

export function sentBy(ack: Ack, entry: OutboxEntry): Sent {
  return { seq: ack.seq, at: ack.at ?? new Date(entry.created_at).toISOString() };
}

export function sendFrame(entry: OutboxEntry): SendFrame {
  return { type: "message.send", room: entry.room, nonce: entry.nonce, ...entry.content };
}

export function sendError(error: ApiError): SendError {
  return { code: error.code, detail: error.detail };
}

export function compareEntries(a: OutboxEntry, b: OutboxEntry): number {
  return a.order - b.order || (a.nonce < b.nonce ? -1 : 1);
}

/** The message of an entry, before its event says what the server has made of it. */
export function entryMessage(entry: OutboxEntry, sender: string, sent?: Sent): Message {
  const { text, reply_to, thread, also_in_room, silent, metadata } = entry.content;
  return {
    text,
    reply_to: reply_to ?? null,
    ...(thread === undefined ? {} : { thread }),
    ...(also_in_room === undefined ? {} : { also_in_room }),
    ...(silent === undefined ? {} : { silent }),
    ...(metadata === undefined ? {} : { metadata }),
    seq: sent?.seq ?? 0,
    sender,
    at: sent?.at ?? new Date(entry.created_at).toISOString(),
    nonce: entry.nonce,
  };
}

export function pendingMessage(
  entry: OutboxEntry,
  sender: string,
  state: { sent?: Sent | undefined; sending: boolean },
): TimelineMessage {
  const message = {
    ...entryMessage(entry, sender, state.sent),
    key: messageKey(sender, entry.nonce),
    reacted: [],
    voted: [],
  };
  if (state.sent) return message;
  if (entry.error) return { ...message, pending: "failed", error: entry.error };
  return { ...message, pending: state.sending ? "sending" : "waiting" };
}
