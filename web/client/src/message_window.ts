/** A window of a stream of messages, and the messages of the outbox after it. */

import { ROOM_STREAM, type Stream } from "./message_store.js";
import type { PageQuery } from "./message_views.js";
import { Value } from "./observable.js";
import type { RoomLog } from "./room_log.js";
import type { Timeline } from "./timeline.js";
import type { TimelineMessage } from "./types.js";

const PAGE = 50;
const MAX_ITEMS = 2000;
/** The room keeps at most so many messages outside of the window. */
const MAX_KEPT = 10_000;

/** The messages of a stream that wait in the outbox, oldest first. */
export type PendingMessages = (log: RoomLog, stream: Stream) => readonly TimelineMessage[];

/** Messages from `#from` to `#to`; an infinite `#to` follows the end. */
export class MessageWindow implements Timeline {
  readonly items = new Value<readonly TimelineMessage[]>([]);
  readonly at_start = new Value(false);
  readonly at_end = new Value(true);
  readonly loading = new Value(false);
  readonly error = new Value<Error | null>(null);
  #from = Infinity;
  #to = Infinity;
  #before: Promise<void> | undefined;
  #after: Promise<void> | undefined;
  #jump = 0; // counts the jumps: what was requested before the last one is void
  #requests = 0;
  #scheduled = false;

  constructor(
    private readonly log: RoomLog,
    private readonly stream: Stream,
    private readonly pending: PendingMessages,
    private readonly onClose: () => void,
  ) {
    log.changes.add(this.schedule);
    log.resets.add(this.#restart);
    void log.restore().then(() => {
      this.#restart();
    });
  }

  close(): void {
    this.log.changes.delete(this.schedule);
    this.log.resets.delete(this.#restart);
    this.#jump += 1;
    this.onClose();
  }

  loadBefore(): Promise<void> {
    this.#before ??= this.#extendBefore().finally(() => {
      this.#before = undefined;
    });
    return this.#before;
  }

  loadAfter(): Promise<void> {
    this.#after ??= this.#extendAfter().finally(() => {
      this.#after = undefined;
    });
    return this.#after;
  }

  async jumpTo(seq: number): Promise<void> {
    const jump = ++this.#jump;
    if (!this.#ranges.at(seq)) await this.#load({ around: seq, limit: PAGE });
    if (jump !== this.#jump) return;
    const range = this.#ranges.at(seq);
    if (!range) return;
    const before = this.#order.slice(range.from, seq - 1);
    const after = this.#order.slice(seq, range.to);
    const half = PAGE / 2;
    this.#from = before.length > half ? (before.at(-half) ?? seq) : range.from;
    this.#to = after.length > half ? (after[half] ?? seq) : this.#end(range);
    this.#update();
  }

  async jumpToEnd(): Promise<void> {
    const jump = ++this.#jump;
    if (!this.#tail) await this.#load({ limit: PAGE });
    if (jump !== this.#jump || !this.#tail) return;
    this.#from = Infinity;
    this.#to = Infinity;
    await this.#extendBefore();
  }

  /** Shows what has changed, once for all changes of this turn. */
  readonly schedule = (): void => {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#from === Infinity && this.error.get()) this.#restart();
      else this.#update();
    });
  };

  get #order() {
    return this.log.store.order(this.stream);
  }

  get #ranges() {
    return this.log.store.ranges(this.stream);
  }

  get #tail() {
    const { seq } = this.log.cursor;
    return seq === undefined ? undefined : this.log.store.tail(this.stream, seq);
  }

  /** The window begins again at the end, after the room's messages were discarded. */
  readonly #restart = (): void => {
    this.#from = Infinity;
    this.#to = Infinity;
    this.#update();
    this.jumpToEnd().catch(() => undefined); // `error` has it
  };

  async #extendBefore(): Promise<void> {
    const jump = this.#jump;
    while (this.#from > 0) {
      const range = this.#loadedAt(this.#from);
      if (!range) return;
      if (this.#revealBefore(range.from)) break;
      await this.#load({ before: range.from, limit: PAGE });
      if (jump !== this.#jump) return;
    }
    this.#trim("end");
    this.#update();
  }

  async #extendAfter(): Promise<void> {
    const jump = this.#jump;
    while (this.#to !== Infinity) {
      const range = this.#loadedAt(this.#to);
      if (!range) return;
      if (this.#revealAfter(range)) break;
      await this.#load({ after: range.to, limit: PAGE });
      if (jump !== this.#jump) return;
    }
    this.#trim("start");
    this.#update();
  }

  /** The interval that has the edge of the window. */
  #loadedAt(edge: number) {
    return edge === Infinity ? this.#tail : this.#ranges.at(edge);
  }

  /** Moves the start back over loaded messages; false if there are none and the room has more. */
  #revealBefore(limit: number): boolean {
    const end = this.#from === Infinity ? Number.MAX_SAFE_INTEGER - 1 : this.#from - 1;
    const loaded = this.#order.slice(limit, end);
    if (loaded.length <= PAGE && limit === 0) this.#from = 0;
    else if (loaded.length === 0) return false;
    else this.#from = loaded.at(-PAGE) ?? limit;
    return true;
  }

  #revealAfter(range: { from: number; to: number }): boolean {
    const loaded = this.#order.slice(this.#to + 1, range.to);
    const end = this.#end(range);
    if (loaded.length === 0 && end !== Infinity) return false;
    this.#to = loaded.length > PAGE ? (loaded[PAGE - 1] ?? range.to) : end;
    return true;
  }

  #end(range: { from: number; to: number }): number {
    return this.#tail?.from === range.from ? Infinity : range.to;
  }

  async #load(query: PageQuery): Promise<void> {
    this.#requests += 1;
    this.loading.set(true);
    try {
      await this.log.load(this.stream, query);
      this.error.set(null);
    } catch (error) {
      this.error.set(error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      this.#requests -= 1;
      this.loading.set(this.#requests > 0);
    }
  }

  #trim(side: "start" | "end"): void {
    const shown = this.#order.slice(this.#from, Math.min(this.#to, Number.MAX_SAFE_INTEGER - 1));
    if (shown.length <= MAX_ITEMS) return;
    if (side === "end") this.#to = shown[MAX_ITEMS - 1] ?? this.#to;
    else this.#from = shown.at(-MAX_ITEMS) ?? this.#from;
    if (this.stream !== ROOM_STREAM || this.#order.length <= MAX_KEPT) return;
    const tail = this.#tail;
    const tail_from = this.#order.at(-PAGE) ?? 0;
    this.log.store.retain(this.stream, [
      { from: this.#from, to: Math.min(this.#to, Number.MAX_SAFE_INTEGER - 1) },
      ...(tail ? [{ from: Math.max(tail.from, tail_from), to: tail.to }] : []),
    ]);
  }

  #update(): void {
    const at_end = this.#to === Infinity;
    const to = at_end ? Number.MAX_SAFE_INTEGER - 1 : this.#to;
    const from = this.#from === Infinity ? to : this.#from;
    const messages = this.log.store.view(this.stream, from, to);
    const items = at_end ? [...messages, ...this.#waiting()] : messages;
    if (!isSame(items, this.items.get())) this.items.set(items);
    this.at_start.set(this.#from === 0);
    this.at_end.set(at_end);
  }

  /** Messages of the outbox that are not in the log yet. */
  #waiting(): TimelineMessage[] {
    const { store } = this.log;
    return this.pending(this.log, this.stream).filter(
      (message) => message.seq === 0 || !store.get(message.seq),
    );
  }
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
