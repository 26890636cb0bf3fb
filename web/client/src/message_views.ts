/** How messages are shown, and what pages of them say. No I/O. */

import type { Message, MessagePage, Quote, TimelineMessage } from "./types.js";

const MAX_QUOTE_CHARS = 200;

/** What is the user's own about a message. */
export interface OwnMarks {
  readonly reacted: readonly string[];
  readonly voted: readonly number[];
}

/** What a page was asked for; without a bound: the newest messages. */
export interface PageQuery {
  before?: number;
  after?: number;
  around?: number;
  limit?: number;
}

/** The interval of the log in which a page has all messages of its stream. */
export function coverage(
  query: PageQuery,
  page: MessagePage,
  position: number,
): { from: number; to: number } {
  const first = page.items[0]?.seq;
  const last = page.items.at(-1)?.seq;
  const from = page.before == null ? 0 : (first ?? 0);
  const end = Math.max(position, last ?? 0);
  const to = page.after == null ? end : (last ?? 0);
  if (query.before !== undefined) return { from, to: query.before - 1 };
  if (query.after !== undefined) return { from: query.after + 1, to };
  return { from, to };
}

export function show(message: Message, own: OwnMarks, quote: Quote | undefined): TimelineMessage {
  const shown = {
    ...message,
    key: messageKey(message.sender, message.nonce),
    reacted: own.reacted,
    voted: own.voted,
  };
  return quote ? { ...shown, quote } : shown;
}

export function messageKey(sender: string, nonce: string): string {
  return `${sender}:${nonce}`;
}

/** The message as the server sent it. */
export function plainMessage(message: Message | TimelineMessage): Message {
  if (!("key" in message)) return message;
  const { key: _key, reacted: _reacted, voted: _voted, quote: _quote, ...rest } = message;
  return rest;
}

export function quoteMessage(message: Message): Quote {
  const { seq, sender } = message;
  return { seq, sender, text: beginning(message.text), deleted: message.deletion != null };
}

/** As much of a text as quotes and the list of rooms have. */
export function beginning(text: string): string {
  return Array.from(text).slice(0, MAX_QUOTE_CHARS).join("");
}

export function tombstone(message: Message, deletion: { by: string; at: string }): Message {
  const { seq, sender, at, nonce, thread, also_in_room, thread_summary } = message;
  return {
    seq,
    sender,
    at,
    nonce,
    text: "",
    reply_to: null,
    deletion,
    ...(thread == null ? {} : { thread }),
    ...(also_in_room == null ? {} : { also_in_room }),
    ...(thread_summary == null ? {} : { thread_summary }),
  };
}
