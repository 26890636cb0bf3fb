/**
 * Messages that wait for an answer: sent in order and repeated until there is one. No I/O.
 *
 * Each room has a queue of which only one message is in flight: if the second were, too, and the
 * first were refused by a rate limit, the two would change places. Every message has a time at
 * which it is due. An answer removes it, a refusal moves it, and a lost connection makes it due at
 * once with the same nonce, by which the server recognizes a repeat.
 */

import type { ApiError } from "./errors.js";
import { compareEntries, type OutboxEntry } from "./outbox_entry.js";

/** A message without an answer is repeated after this time on the same connection. */
export const OVERDUE_MS = 30_000;
const MAX_IN_FLIGHT = 16; // over all rooms

interface Request {
  readonly entry: OutboxEntry;
  due: number;
  frame_id?: number | undefined; // set while it is in flight
}

export class SendQueue {
  readonly #rooms = new Map<string, Request[]>();
  readonly #in_flight = new Map<number, Request>();
  #paused_until = 0;

  /** Does nothing if the message is queued already. */
  add(entry: OutboxEntry): void {
    const queue = this.#rooms.get(entry.room) ?? [];
    if (queue.some((request) => request.entry.nonce === entry.nonce)) return;
    queue.push({ entry, due: 0 });
    queue.sort((a, b) => compareEntries(a.entry, b.entry));
    this.#rooms.set(entry.room, queue);
  }

  /** Takes a message out, whatever its state is. */
  remove(nonce: string): void {
    for (const [room, queue] of this.#rooms) {
      const request = queue.find(({ entry }) => entry.nonce === nonce);
      if (!request) continue;
      this.#land(request);
      const rest = queue.filter((other) => other !== request);
      if (rest.length > 0) this.#rooms.set(room, rest);
      else this.#rooms.delete(room);
    }
  }

  /** What to send now: of each room the message in flight if it is overdue, or else the first. */
  due(now: number): OutboxEntry[] {
    if (now < this.#paused_until) return [];
    const ready = this.#heads().filter((request) => request.due <= now);
    const overdue = ready.filter((request) => request.frame_id !== undefined);
    const fresh = ready.filter((request) => request.frame_id === undefined);
    const room = Math.max(0, MAX_IN_FLIGHT - this.#in_flight.size);
    return [...overdue, ...fresh.slice(0, room)].map((request) => request.entry);
  }

  /** When `due` returns something next, unless an answer comes first; Infinity: never. */
  nextDue(): number {
    const is_full = this.#in_flight.size >= MAX_IN_FLIGHT;
    const heads = is_full ? [...this.#in_flight.values()] : this.#heads();
    const due = Math.min(Infinity, ...heads.map((request) => request.due));
    return Math.max(this.#paused_until, due);
  }

  markSent(nonce: string, frame_id: number, now: number): void {
    const request = this.#heads().find(({ entry }) => entry.nonce === nonce);
    if (!request) return;
    this.#land(request);
    request.frame_id = frame_id;
    request.due = now + OVERDUE_MS;
    this.#in_flight.set(frame_id, request);
  }

  /** The message that an ack answers; undefined if it is not in flight. */
  onAck(frame_id: number): OutboxEntry | undefined {
    const request = this.#in_flight.get(frame_id);
    if (request) this.remove(request.entry.nonce);
    return request?.entry;
  }

  /**
   * The message that was refused for good. A refusal that allows another try moves it; one without
   * an id may be about any message in flight: then all of them are repeated.
   */
  onRefused(frame_id: number | undefined, error: ApiError, now: number): OutboxEntry | undefined {
    const request = frame_id === undefined ? undefined : this.#in_flight.get(frame_id);
    if (error.is_final) {
      if (request) this.remove(request.entry.nonce);
      return request?.entry;
    }
    if (request || frame_id === undefined) {
      for (const each of request ? [request] : [...this.#in_flight.values()]) {
        this.#land(each);
        each.due = now + error.wait_ms;
      }
    }
    if (error.code === "rate_limited" || error.code === "busy") {
      this.#paused_until = Math.max(this.#paused_until, now + error.wait_ms);
    }
    return undefined;
  }

  /** Messages in flight may have arrived or not: they are repeated. Returns their nonces. */
  onDisconnected(): string[] {
    const requests = [...this.#in_flight.values()];
    for (const request of requests) {
      this.#land(request);
      request.due = 0;
    }
    return requests.map((request) => request.entry.nonce);
  }

  #heads(): Request[] {
    return [...this.#rooms.values()].flatMap(
      (queue) => queue.find((request) => request.frame_id !== undefined) ?? queue.slice(0, 1),
    );
  }

  #land(request: Request): void {
    if (request.frame_id === undefined) return;
    this.#in_flight.delete(request.frame_id);
    request.frame_id = undefined;
  }
}
