/** One room as this tab sees it: follows its log, reads what is missing, and keeps its messages. */

import { Backoff } from "./backoff.js";
import { asApiError } from "./errors.js";
import { MessageStore, type StoredMessages, type Stream } from "./message_store.js";
import type { PageQuery } from "./message_views.js";
import { callSafely, Value, waitFor } from "./observable.js";
import { type Gap, RoomCursor } from "./room_cursor.js";
import type { RoomServices } from "./room_services.js";
import { sleep } from "./timers.js";
import type {
  EventPage,
  Message,
  RoomEvent,
  RoomOpened,
  RoomPosition,
  RoomState,
} from "./types.js";

/** More missing events are not read: the pages of messages are fewer. */
const MAX_REPAIRED_EVENTS = 1000;
const MAX_STORED_MESSAGES = 100;
const STORE_DELAY_MS = 1000;
/** A ping may overtake events that its heads count. */
const HEAD_GRACE_MS = 1000;

interface StoredRoom {
  seq: number;
  epoch: string;
  messages: StoredMessages | undefined;
}

export class RoomLog {
  readonly state = new Value<RoomState>("closed");
  readonly store: MessageStore;
  readonly cursor = new RoomCursor();
  readonly changes = new Set<() => void>();
  readonly resets = new Set<() => void>();
  readonly listeners = new Set<(event: RoomEvent) => void>();
  readonly #positioned = new Value(false);
  readonly #missing = new Backoff({ max_ms: 10_000 });
  readonly #quotes = new Set<number>(); // being read, or unreadable
  #openers = 0;
  #restored: Promise<void> | undefined;
  #ended = false; // the membership has, after the events that are still missing
  #repairing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly id: string,
    readonly services: RoomServices,
  ) {
    this.store = new MessageStore(services.me, () => {
      this.#changed();
    });
  }

  get position(): RoomPosition {
    const { seq, epoch } = this.cursor;
    return seq === undefined || epoch === undefined
      ? { room: this.id }
      : { room: this.id, since: seq, epoch };
  }

  /** Whether somebody looks at the room. */
  isWanted(): boolean {
    return this.#openers > 0;
  }

  open(): () => void {
    this.#openers += 1;
    if (this.#openers === 1) void this.#start();
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#openers -= 1;
      if (this.#openers === 0) this.#stop();
    };
  }

  /** What the device knows of the room; also without a connection. */
  restore(): Promise<void> {
    this.#restored ??= this.#restore();
    return this.#restored;
  }

  /** The user is a member again. */
  reopen(): void {
    if (!this.isWanted() || this.state.get() !== "gone") return;
    this.#ended = false;
    this.state.set("opening");
    this.services.want(this);
  }

  onOpened(frame: RoomOpened, epoch: string): void {
    if (!this.isWanted()) return;
    if (this.cursor.opened(frame, epoch)) this.#reset();
    this.#ended = false;
    this.state.set("open");
    this.#positioned.set(true);
    this.advance();
    this.#changed();
  }

  onEvent(event: RoomEvent): void {
    if (!this.isWanted()) return;
    this.cursor.add([event]);
    this.advance();
  }

  /** No more events come: the user has left, or may not open the room. */
  onEnded(): void {
    if (!this.isWanted()) return;
    this.#ended = true;
    this.advance();
  }

  /** From a ping: what is still missing after a moment is asked for. */
  onHead(head: number): void {
    const isBehind = (): boolean =>
      this.state.get() === "open" && (this.cursor.seq ?? head) < head && !this.cursor.gap;
    if (!isBehind()) return;
    setTimeout(() => {
      if (isBehind()) this.services.reopen(this);
    }, HEAD_GRACE_MS);
  }

  /** Reads a page into the store, once the room has a position. Throws ApiError. */
  async load(stream: Stream, query: PageQuery): Promise<void> {
    await waitFor(this.#positioned, Boolean);
    const load = this.store.beginLoad(this.cursor.seq ?? 0);
    try {
      const page = await this.services.readPage(this.id, stream, query);
      this.store.finishLoad(load, stream, query, page);
      this.readQuotes(page.items);
    } finally {
      this.store.abandonLoad(load);
    }
  }

  advance(): void {
    for (const event of this.cursor.popReady()) {
      this.store.apply(event);
      if ("message" in event) this.readQuotes([event.message as Message]);
      for (const listener of this.listeners) callSafely(listener, event);
    }
    this.#skipLongGap();
    if (!this.isWanted() || this.state.get() === "gone") return;
    if (this.cursor.gap) void this.#repair();
    else if (this.#ended) this.#setGone();
  }

  /** Reads the messages that these answer and that nobody has shown yet. */
  readQuotes(messages: readonly Message[]): void {
    for (const { reply_to } of messages) {
      if (reply_to == null || this.store.quote(reply_to) || this.#quotes.has(reply_to)) continue;
      this.#quotes.add(reply_to);
      void this.#readQuote(reply_to);
    }
  }

  async #start(): Promise<void> {
    if (this.state.get() === "closed") this.state.set("opening");
    await this.restore();
    if (this.isWanted()) this.services.want(this);
  }

  /** The client was closed. */
  close(): void {
    if (this.isWanted()) this.#stop();
    this.#openers = 0;
    clearTimeout(this.#timer);
  }

  #stop(): void {
    this.state.set("closed");
    this.services.unwant(this);
    this.save();
  }

  async #restore(): Promise<void> {
    const stored = (await this.services.storage.get(this.services.key(this.id))) as
      StoredRoom | undefined;
    if (!stored || this.cursor.seq !== undefined) return;
    this.cursor.restart(stored.seq, stored.epoch);
    if (stored.messages) this.store.import(stored.messages);
    this.#positioned.set(true);
  }

  /** Stores now what is to be stored later. */
  flush(): void {
    if (this.#timer !== undefined) this.save();
  }

  /** Stores the position and the last messages together, so that they fit each other. */
  save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { seq, epoch } = this.cursor;
    if (seq === undefined || epoch === undefined) return;
    const messages = this.store.export(seq, MAX_STORED_MESSAGES);
    const stored: StoredRoom = { seq, epoch, messages };
    void this.services.storage.write([this.services.key(this.id), stored]);
  }

  #changed(): void {
    for (const listener of this.changes) listener();
    this.#timer ??= setTimeout(() => {
      this.save();
    }, STORE_DELAY_MS);
  }

  #reset(): void {
    this.store.clear();
    this.#quotes.clear();
    for (const listener of this.resets) listener();
  }

  #skipLongGap(): void {
    const { gap, epoch } = this.cursor;
    if (!gap || epoch === undefined || gap.until - gap.after <= MAX_REPAIRED_EVENTS) return;
    this.cursor.restart(gap.until, epoch);
    this.#reset();
    this.advance();
  }

  async #repair(): Promise<void> {
    if (this.#repairing) return;
    this.#repairing = true;
    try {
      for (let gap = this.cursor.gap; gap && this.isWanted(); gap = this.cursor.gap) {
        if (await this.#readGap(gap)) continue;
        // The server announced events that its log lacks, or its log is of another epoch.
        this.cursor.forgetHead();
        await sleep(this.#missing.next());
        if (this.isWanted()) this.services.reopen(this);
        return;
      }
    } catch (error) {
      asApiError(error);
      if (this.isWanted()) this.#setGone();
    } finally {
      this.#repairing = false;
    }
    this.advance();
  }

  /** Loads that wait for a position ask the server now, which refuses them. */
  #setGone(): void {
    this.state.set("gone");
    this.#positioned.set(true);
  }

  /** Delivers one page of the log. False if the next event is not in it. */
  async #readGap(gap: Gap): Promise<boolean> {
    const { generation } = this.cursor;
    const page = await this.#eventPage(gap);
    if (!page || this.cursor.generation !== generation) return true;
    if (page.epoch !== this.cursor.epoch) return false;
    const before = this.cursor.seq;
    this.cursor.add(page.items as RoomEvent[]);
    this.advance();
    return this.cursor.seq !== before;
  }

  /** Tries until there is an answer, or nobody looks at the room any more. */
  async #eventPage(gap: Gap): Promise<EventPage | undefined> {
    const backoff = new Backoff({ max_ms: 10_000 });
    while (this.isWanted()) {
      try {
        return await this.services.readEvents(this.id, gap);
      } catch (error) {
        const refusal = asApiError(error);
        if (refusal.is_final) throw refusal;
        await sleep(Math.max(backoff.next(), refusal.wait_ms));
      }
    }
    return undefined;
  }

  async #readQuote(seq: number): Promise<void> {
    const load = this.store.beginLoad(this.cursor.seq ?? 0);
    try {
      this.store.finishQuote(load, await this.services.readMessage(this.id, seq));
    } catch (error) {
      if (!asApiError(error).is_final) this.#quotes.delete(seq);
    } finally {
      this.store.abandonLoad(load);
    }
  }
}
