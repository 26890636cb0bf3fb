/** The messages of a room that the client has, as they are now (docs/protocol.md). No I/O. */

import {
  coverage,
  type OwnMarks,
  type PageQuery,
  plainMessage,
  quoteMessage,
  show,
  tombstone,
} from "./message_views.js";
import { Order } from "./order.js";
import { Ranges } from "./ranges.js";
import type { Message, MessagePage, Quote, RoomEvent, TimelineMessage } from "./types.js";

/** A sequence of messages: the room's timeline (0), or the thread of the message with this seq. */
export type Stream = number;
export const ROOM_STREAM: Stream = 0;

/** A part of the room's timeline that can be stored. `position` is that of the room's log. */
export interface StoredMessages {
  from: number;
  to: number;
  messages: Message[];
  reacted: [seq: number, emoji: string[]][];
  voted: [seq: number, options: number[]][];
  quotes: Quote[];
}

/** A request whose answer may be older than the events that come meanwhile. */
export interface Load {
  readonly position: number;
  readonly events: RoomEvent[];
}

/**
 * Events and pages replace messages; nothing is added up, so both may come again. The events that
 * come while a page is read are applied once more after it, because the page may be older.
 */
export class MessageStore {
  readonly #me: string;
  readonly #messages = new Map<number, TimelineMessage>();
  readonly #quotes = new Map<number, Quote>(); // of messages that are not in #messages
  readonly #answers = new Map<number, Set<number>>(); // by what they answer
  readonly #orders = new Map<Stream, Order>();
  readonly #ranges = new Map<Stream, Ranges>();
  readonly #loads = new Set<Load>();

  /** `me` is the user; `onChange` is called after each change. */
  constructor(
    me: string,
    private readonly onChange: () => void,
  ) {
    this.#me = me;
  }

  get(seq: number): TimelineMessage | undefined {
    return this.#messages.get(seq);
  }

  /** What is known of a message that others answer. */
  quote(seq: number): Quote | undefined {
    const message = this.#messages.get(seq);
    return message ? quoteMessage(message) : this.#quotes.get(seq);
  }

  order(stream: Stream): Order {
    return this.#part(this.#orders, stream, () => new Order());
  }

  ranges(stream: Stream): Ranges {
    return this.#part(this.#ranges, stream, () => new Ranges());
  }

  /**
   * The loaded interval that new events extend. It may begin after `position`, while the events
   * that a page had already are still on their way.
   */
  tail(stream: Stream, position: number): { from: number; to: number } | undefined {
    const { last } = this.ranges(stream);
    return last && last.to >= position ? last : undefined;
  }

  /** The messages of a stream between two seqs, both included. */
  view(stream: Stream, from: number, to: number): TimelineMessage[] {
    return this.order(stream)
      .slice(from, to)
      .flatMap((seq) => this.#messages.get(seq) ?? []);
  }

  beginLoad(position: number): Load {
    const load: Load = { position, events: [] };
    this.#loads.add(load);
    return load;
  }

  abandonLoad(load: Load): void {
    this.#loads.delete(load);
  }

  /** Nothing happens if the store was cleared since. */
  finishLoad(load: Load, stream: Stream, query: PageQuery, page: MessagePage): void {
    if (!this.#loads.delete(load)) return;
    for (const quote of page.quoted ?? []) this.#setQuote(quote);
    for (const message of page.items) {
      this.#put(message, {
        reacted: (page.reacted ?? []).flatMap((own) => (own.seq === message.seq ? own.emoji : [])),
        voted: page.voted?.find((own) => own.seq === message.seq)?.options ?? [],
      });
      this.order(stream).add(message.seq);
    }
    const { from, to } = coverage(query, page, load.position);
    this.ranges(stream).add(from, to);
    this.#replay(load);
  }

  /** A message that others answer, read alone. */
  finishQuote(load: Load, message: Message): void {
    if (!this.#loads.delete(load)) return;
    if (!this.#messages.has(message.seq)) this.#setQuote(quoteMessage(message));
    this.#replay(load);
  }

  /** The next event of the log. */
  apply(event: RoomEvent): void {
    for (const load of this.#loads) load.events.push(event);
    this.#apply(event);
    this.onChange();
  }

  /** The user's vote, which no event tells. */
  setVote(seq: number, options: readonly number[]): void {
    const message = this.#messages.get(seq);
    if (message) this.#put(message, { reacted: message.reacted, voted: options });
    this.onChange();
  }

  /** A message that the store does not keep, as it would be shown. */
  showAlone(message: Message): TimelineMessage {
    const quote = message.reply_to == null ? undefined : this.quote(message.reply_to);
    return show(message, { reacted: [], voted: [] }, quote);
  }

  clear(): void {
    this.#messages.clear();
    this.#quotes.clear();
    this.#answers.clear();
    this.#orders.clear();
    this.#ranges.clear();
    this.#loads.clear();
    this.onChange();
  }

  /** Forgets the messages of a stream outside of these intervals. */
  retain(stream: Stream, kept: readonly { from: number; to: number }[]): void {
    const order = this.order(stream);
    const seqs = kept.flatMap(({ from, to }) => order.slice(from, to));
    for (const seq of order.retain(seqs)) {
      const shown = [...this.#orders.values()].some((other) => other.has(seq));
      if (!shown) this.#remove(seq);
    }
    this.ranges(stream).intersect(kept);
  }

  /** The last `limit` messages of the room, if they reach to `position`. */
  export(position: number, limit: number): StoredMessages | undefined {
    const range = this.tail(ROOM_STREAM, position);
    if (!range) return undefined;
    const all = this.view(ROOM_STREAM, range.from, range.to);
    const messages = all.slice(-limit);
    const from = all.length > messages.length ? (messages[0]?.seq ?? range.to) : range.from;
    return {
      from,
      to: range.to,
      messages: messages.map(plainMessage),
      reacted: messages.flatMap((m) => (m.reacted.length > 0 ? [[m.seq, [...m.reacted]]] : [])),
      voted: messages.flatMap((m) => (m.voted.length > 0 ? [[m.seq, [...m.voted]]] : [])),
      quotes: messages.flatMap((m) => m.quote ?? []),
    };
  }

  import(stored: StoredMessages): void {
    const reacted = new Map(stored.reacted);
    const voted = new Map(stored.voted);
    for (const quote of stored.quotes) this.#setQuote(quote);
    for (const message of stored.messages) {
      this.#put(message, {
        reacted: reacted.get(message.seq) ?? [],
        voted: voted.get(message.seq) ?? [],
      });
      this.order(ROOM_STREAM).add(message.seq);
    }
    this.ranges(ROOM_STREAM).add(stored.from, stored.to);
    this.onChange();
  }

  #replay(load: Load): void {
    for (const event of load.events) this.#apply(event);
    this.onChange();
  }

  #apply(event: RoomEvent): void {
    if (event.type === "messages.deleted") {
      for (const seq of event.seqs) this.#markDeleted(seq, { by: event.actor, at: event.at });
    } else if ("message" in event) {
      this.#replace(event, event.message as Message);
    }
    for (const ranges of this.#ranges.values()) {
      if (ranges.at(event.seq - 1)) ranges.add(event.seq, event.seq);
    }
  }

  #replace(event: RoomEvent, message: Message): void {
    const known = this.#messages.get(message.seq);
    if (event.type === "message.created") {
      this.#put(message, { reacted: known?.reacted ?? [], voted: known?.voted ?? [] });
      this.#place(message, event.seq);
    } else if (known) {
      this.#put(message, {
        reacted: message.deletion ? [] : this.#reactedAfter(event, known.reacted),
        voted: known.voted,
      });
    } else if (this.#quotes.has(message.seq)) {
      this.#setQuote(quoteMessage(message));
    }
  }

  /** A new message belongs to its streams if all that was before it is loaded there. */
  #place(message: Message, at: number): void {
    const streams: Stream[] = message.thread == null ? [ROOM_STREAM] : [message.thread];
    if (message.thread != null && message.also_in_room) streams.push(ROOM_STREAM);
    for (const stream of streams) {
      const ranges = this.#ranges.get(stream);
      if (ranges?.at(at - 1) || ranges?.at(at)) this.order(stream).add(message.seq);
    }
    if (![...this.#orders.values()].some((order) => order.has(message.seq))) {
      this.#remove(message.seq);
    }
  }

  #reactedAfter(event: RoomEvent, reacted: readonly string[]): readonly string[] {
    if (event.actor !== this.#me) return reacted;
    if (event.type === "reaction.added") return [...new Set([...reacted, event.emoji])];
    if (event.type === "reaction.removed") return reacted.filter((emoji) => emoji !== event.emoji);
    return reacted;
  }

  #markDeleted(seq: number, deletion: { by: string; at: string }): void {
    const message = this.#messages.get(seq);
    if (message) this.#put(tombstone(message, deletion), { reacted: [], voted: [] });
    const quote = this.#quotes.get(seq);
    if (quote) this.#setQuote({ ...quote, text: "", deleted: true });
  }

  #put(message: Message, own: OwnMarks): void {
    const { seq, reply_to } = message;
    const before = this.#messages.get(seq)?.reply_to;
    if (before != null && before !== reply_to) this.#answers.get(before)?.delete(seq);
    if (reply_to != null) this.#part(this.#answers, reply_to, () => new Set<number>()).add(seq);
    const quote = reply_to == null ? undefined : this.quote(reply_to);
    this.#messages.set(seq, show(plainMessage(message), own, quote));
    this.#quotes.delete(seq);
    this.#updateAnswers(seq);
  }

  #setQuote(quote: Quote): void {
    if (this.#messages.has(quote.seq)) return;
    this.#quotes.set(quote.seq, quote);
    this.#updateAnswers(quote.seq);
  }

  #updateAnswers(seq: number): void {
    const quote = this.quote(seq);
    for (const answer of this.#answers.get(seq) ?? []) {
      const message = this.#messages.get(answer);
      if (message) this.#messages.set(answer, show(plainMessage(message), message, quote));
    }
  }

  #remove(seq: number): void {
    const message = this.#messages.get(seq);
    if (!message) return;
    this.#messages.delete(seq);
    if (message.reply_to != null) this.#answers.get(message.reply_to)?.delete(seq);
    if (this.#answers.get(seq)?.size) this.#quotes.set(seq, quoteMessage(message));
  }

  #part<K, V>(map: Map<K, V>, key: K, make: () => V): V {
    let part = map.get(key);
    if (part === undefined) map.set(key, (part = make()));
    return part;
  }
}
