/**
 * A client's position in a room's log: next → deliver, seen → drop, gap → read a page. No I/O.
 *
 * `popReady` returns the log from the first position on, dense and in order, whatever was lost,
 * duplicated or reordered on the way. Only `popReady` moves the position; acks never do.
 */

import type { RoomEvent, RoomOpened } from "./types.js";

/** Events kept until those before them have come. Newer ones are dropped: the log has them. */
const MAX_EARLY = 1000;

export interface Gap {
  readonly after: number;
  readonly until: number;
}

/**
 * `seq` is that of the last delivered event; undefined until the server has said where the head
 * is. `epoch` is the history that it belongs to. `generation` counts the resets: a page that was
 * requested before a reset is void.
 */
export class RoomCursor {
  generation = 0;
  readonly #early = new Map<number, RoomEvent>();
  #fetch_until = 0; // events up to here are not sent again: read them from the log

  constructor(
    public seq?: number,
    public epoch?: string,
  ) {}

  /** Returns whether the position was void: then the room continues at the head. */
  opened(frame: RoomOpened, epoch: string): boolean {
    const is_void = frame.state === "reset" || (this.seq !== undefined && this.epoch !== epoch);
    if (is_void) {
      this.restart(frame.seq, epoch);
      return true;
    }
    this.epoch = epoch;
    this.seq ??= this.#start(frame.from);
    this.#fetch_until = Math.max(this.#fetch_until, frame.from, frame.resume ?? 0);
    return false;
  }

  /** Continue at `seq`, as if nothing before it had been of interest. */
  restart(seq: number, epoch: string): void {
    this.generation += 1;
    this.epoch = epoch;
    this.#fetch_until = 0;
    this.seq = this.#start(seq);
  }

  /** Adds events of the socket or of a page, in any order; duplicates are ignored. */
  add(events: Iterable<RoomEvent>): void {
    for (const event of events) {
      if (this.seq !== undefined && event.seq <= this.seq) continue;
      this.#early.set(event.seq, event);
      if (this.#early.size > MAX_EARLY) this.#dropNewest();
    }
  }

  /** The next events in order; moves the position behind them. */
  popReady(): RoomEvent[] {
    const events: RoomEvent[] = [];
    while (this.seq !== undefined) {
      const event = this.#early.get(this.seq + 1);
      if (!event) break;
      this.#early.delete(event.seq);
      this.seq = event.seq;
      events.push(event);
    }
    return events;
  }

  /** What to read from the log before anything can be delivered. */
  get gap(): Gap | undefined {
    if (this.seq === undefined || this.#early.has(this.seq + 1)) return undefined;
    if (this.#early.size > 0) {
      return { after: this.seq, until: Math.min(...this.#early.keys()) - 1 };
    }
    return this.#fetch_until > this.seq ? { after: this.seq, until: this.#fetch_until } : undefined;
  }

  /** The head is unknown again, so nothing is known to be missing; what has come is kept. */
  forgetHead(): void {
    this.#fetch_until = 0;
  }

  #start(seq: number): number {
    for (const early of this.#early.keys()) if (early <= seq) this.#early.delete(early);
    return seq;
  }

  #dropNewest(): void {
    const newest = Math.max(...this.#early.keys());
    this.#early.delete(newest);
    this.#fetch_until = Math.max(this.#fetch_until, newest);
  }
}
