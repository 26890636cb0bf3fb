/**
 * The messages of the user that have no answer yet. An entry is stored before its first try, and
 * deleted after its answer; all tabs have the same entries, and one of them sends.
 */

import { ApiError, closed } from "./errors.js";
import { Value } from "./observable.js";
import {
  compareEntries,
  entryMessage,
  type OutboxEntry,
  pendingMessage,
  sendError,
  type Sent,
} from "./outbox_entry.js";
import type { SafeStorage } from "./safe_storage.js";
import type { Message, NewMessage, TimelineMessage } from "./types.js";

/** A late message of another tab about an entry that is done is recognized by its nonce. */
const MAX_DONE = 1000;

/** What a tab tells the others about an entry. */
export type OutboxChange =
  | { readonly kind: "put"; readonly entry: OutboxEntry }
  | { readonly kind: "sending"; readonly nonce: string; readonly sending: boolean }
  | { readonly kind: "sent"; readonly nonce: string; readonly sent: Sent }
  | { readonly kind: "dropped"; readonly nonce: string };

interface Waiter {
  resolve(message: Message): void;
  reject(error: ApiError): void;
}

interface Item {
  entry: OutboxEntry;
  is_stored: boolean;
  sending: boolean;
  sent?: Sent | undefined;
  shown: TimelineMessage;
}

export interface OutboxOptions {
  readonly me: string;
  readonly storage: SafeStorage;
  /** The key of an entry, or the prefix of all. */
  key(nonce: string): string;
  /** Tells the other tabs, and the one that sends. */
  announce(change: OutboxChange): void;
  /** A message that was sent is shown until its event comes, if the tab follows the room. */
  isFollowed(room: string): boolean;
}

export class Outbox {
  /** The number of messages that wait for an answer. */
  readonly waiting = new Value(0);
  /** The room whose entries have changed. */
  readonly changes = new Set<(room: string) => void>();
  readonly #items = new Map<string, Item>();
  readonly #waiters = new Map<string, Waiter[]>();
  readonly #done = new Set<string>();
  #last_order = 0;

  constructor(private readonly options: OutboxOptions) {}

  /** Adds what earlier runs and other tabs have stored. */
  async restore(): Promise<void> {
    for (const [, value] of await this.options.storage.list(this.options.key(""))) {
      const entry = value as OutboxEntry;
      if (!this.#items.has(entry.nonce)) this.#put(entry);
    }
  }

  /** Resolves when the message is committed; rejects with ApiError if it never will be. */
  add(room: string, content: NewMessage): Promise<Message> {
    const created_at = Date.now();
    const order = Math.max(this.#last_order + 1, created_at);
    const entry = { nonce: crypto.randomUUID(), room, order, created_at, content };
    const answer = this.#wait(entry.nonce);
    void this.#store(entry);
    return answer;
  }

  /** Sends a refused message again, after those that wait; another text gets another nonce. */
  retry(nonce: string, text?: string): Promise<Message> {
    const item = this.#items.get(nonce);
    if (!item?.entry.error) return Promise.reject(closed("There is no such failed message."));
    const { error: _, ...entry } = item.entry;
    if (text !== undefined && text !== entry.content.text) {
      void this.drop(nonce);
      return this.add(entry.room, { ...entry.content, text });
    }
    const answer = this.#wait(nonce);
    void this.#store({ ...entry, order: Math.max(this.#last_order + 1, Date.now()) });
    return answer;
  }

  /** False if the message is being sent or was sent. */
  async drop(nonce: string): Promise<boolean> {
    const item = this.#items.get(nonce);
    if (!item || item.sending || item.sent) return false;
    const change = { kind: "dropped", nonce } as const;
    this.apply(change);
    this.options.announce(change);
    await this.options.storage.write([this.options.key(nonce), undefined]);
    return true;
  }

  /** The tab that sends: the message is committed. */
  async settle(nonce: string, sent: Sent): Promise<void> {
    const change = { kind: "sent", nonce, sent } as const;
    this.apply(change);
    this.options.announce(change);
    await this.options.storage.write([this.options.key(nonce), undefined]);
  }

  /** The tab that sends: the server will never accept the message. */
  async fail(nonce: string, error: ApiError): Promise<void> {
    const item = this.#items.get(nonce);
    if (item) await this.#store({ ...item.entry, error: sendError(error) });
  }

  /** The tab that sends: the message is on its way, or may be sent again. */
  mark(nonce: string, sending: boolean): void {
    const change = { kind: "sending", nonce, sending } as const;
    this.apply(change);
    this.options.announce(change);
  }

  /** A change that this tab or another has made. */
  apply(change: OutboxChange): void {
    switch (change.kind) {
      case "put":
        this.#put(change.entry);
        break;
      case "sending": {
        const item = this.#items.get(change.nonce);
        if (item && item.sending !== change.sending && !item.sent) {
          item.sending = change.sending;
          this.#show(item);
        }
        break;
      }
      case "sent":
        this.#onSent(change.nonce, change.sent);
        break;
      case "dropped":
        this.#finish(change.nonce, closed("The message was dropped."));
    }
  }

  /** Entries that are stored and are to be sent, in their order. */
  get unsent(): OutboxEntry[] {
    return this.entries.filter((entry) => {
      const item = this.#items.get(entry.nonce);
      return item?.is_stored && !item.sent && !entry.error;
    });
  }

  get entries(): OutboxEntry[] {
    return [...this.#items.values()].map((item) => item.entry).sort(compareEntries);
  }

  has(nonce: string): boolean {
    return this.#items.has(nonce);
  }

  /** What a room shows after its messages. */
  pending(room: string): TimelineMessage[] {
    const items = [...this.#items.values()].filter((item) => item.entry.room === room);
    items.sort((a, b) => rank(a) - rank(b) || compareEntries(a.entry, b.entry));
    return items.map((item) => item.shown);
  }

  /** The room's log has reached `position`: what was sent before it is among its messages. */
  onPosition(room: string, position: number): void {
    for (const { entry, sent } of [...this.#items.values()]) {
      if (entry.room === room && sent && sent.seq <= position) this.#remove(entry.nonce);
    }
  }

  /** No answers will come: the client was closed. */
  close(error: ApiError): void {
    for (const nonce of [...this.#waiters.keys()]) this.#answer(nonce, error);
  }

  async #store(entry: OutboxEntry): Promise<void> {
    this.#put(entry, false);
    await this.options.storage.write([this.options.key(entry.nonce), entry]);
    const item = this.#items.get(entry.nonce);
    if (item?.entry !== entry) return; // dropped meanwhile
    item.is_stored = true;
    this.#show(item);
    this.options.announce({ kind: "put", entry });
  }

  #put(entry: OutboxEntry, is_stored = true): void {
    if (is_stored && this.#done.has(entry.nonce)) return;
    this.#last_order = Math.max(this.#last_order, entry.order);
    const item = { entry, is_stored, sending: false };
    this.#items.set(entry.nonce, { ...item, shown: this.#view(item) });
    const { error } = entry;
    if (error) this.#answer(entry.nonce, new ApiError(error.code, error.detail));
    this.#changed(entry.room);
  }

  #onSent(nonce: string, sent: Sent): void {
    const item = this.#items.get(nonce);
    this.#markDone(nonce);
    if (!item || item.sent) return;
    item.sent = sent;
    this.#show(item);
    this.#answer(nonce, entryMessage(item.entry, this.options.me, sent));
    if (!this.options.isFollowed(item.entry.room)) this.#remove(nonce);
  }

  #finish(nonce: string, error: ApiError): void {
    this.#markDone(nonce);
    this.#answer(nonce, error);
    this.#remove(nonce);
  }

  #remove(nonce: string): void {
    const item = this.#items.get(nonce);
    if (!item) return;
    this.#items.delete(nonce);
    this.#changed(item.entry.room);
  }

  #show(item: Item): void {
    item.shown = this.#view(item);
    this.#changed(item.entry.room);
  }

  /** A message is "sending" until it is stored, then "waiting": it is there after a reload. */
  #view({ entry, sent, sending, is_stored }: Omit<Item, "shown">): TimelineMessage {
    return pendingMessage(entry, this.options.me, { sent, sending: sending || !is_stored });
  }

  #changed(room: string): void {
    const waiting = [...this.#items.values()].filter((item) => !item.sent && !item.entry.error);
    this.waiting.set(waiting.length);
    for (const listener of this.changes) listener(room);
  }

  #markDone(nonce: string): void {
    this.#done.add(nonce);
    const [oldest] = this.#done;
    if (this.#done.size > MAX_DONE && oldest !== undefined) this.#done.delete(oldest);
  }

  #wait(nonce: string): Promise<Message> {
    const answer = new Promise<Message>((resolve, reject) => {
      const waiters = this.#waiters.get(nonce) ?? [];
      waiters.push({ resolve, reject });
      this.#waiters.set(nonce, waiters);
    });
    answer.catch(() => undefined); // the timeline shows it, too: the caller need not wait
    return answer;
  }

  #answer(nonce: string, answer: Message | ApiError): void {
    const waiters = this.#waiters.get(nonce) ?? [];
    this.#waiters.delete(nonce);
    for (const waiter of waiters) {
      if (answer instanceof Error) waiter.reject(answer);
      else waiter.resolve(answer);
    }
  }
}

/** What is committed comes first, then what waits; refused messages keep their place. */
function rank(item: Item): number {
  return item.sent ? 0 : 1;
}
