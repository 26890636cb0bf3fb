/** The rooms that tabs follow, and which of them to request on the socket. No I/O. */

import type { ApiError } from "./errors.js";
import { OVERDUE_MS } from "./send_queue.js";
import type { RoomOpened, RoomPosition, ServerFrame } from "./types.js";

const MAX_ROOMS_PER_FRAME = 100;
/** A room over the limit of the socket is requested again after this time. */
const FULL_PAUSE_MS = 30_000;

/**
 * `seq` is that of the last event that was passed on to the tabs. `next_attempt` is the time of the
 * next request; Infinity while the room is open.
 */
interface SocketRoom {
  readonly id: string;
  readonly tabs: Set<string>;
  seq: number | undefined;
  epoch: string | undefined;
  next_attempt: number;
  request_id?: number;
}

export class SocketRooms {
  readonly #rooms = new Map<string, SocketRoom>();
  readonly #to_close = new Set<string>(); // the server still has them open

  /** The answer for a tab that wants a room which is open already. */
  want(tab: string, position: RoomPosition): RoomOpened | undefined {
    const known = this.#rooms.get(position.room);
    if (!known) {
      const { room: id, since: seq, epoch } = position;
      const tabs = new Set([tab]);
      this.#rooms.set(id, { id, tabs, seq, epoch, next_attempt: 0 });
      return undefined;
    }
    if (known.tabs.has(tab)) return undefined;
    known.tabs.add(tab);
    return known.next_attempt === Infinity ? openedAt(known, position) : undefined;
  }

  unwant(tab: string, room_id: string): void {
    const room = this.#rooms.get(room_id);
    if (!room?.tabs.delete(tab) || room.tabs.size > 0) return;
    this.#rooms.delete(room_id);
    this.#to_close.add(room_id);
  }

  /** The rooms of a tab. */
  of(tab: string): string[] {
    return [...this.#rooms.values()].filter((room) => room.tabs.has(tab)).map((room) => room.id);
  }

  reopen(room_id: string): void {
    const room = this.#rooms.get(room_id);
    if (room?.next_attempt === Infinity) room.next_attempt = 0;
  }

  /** For `hello`: a server knows nothing of the last socket. */
  hello(frame_id: number, now: number): RoomPosition[] {
    this.#to_close.clear();
    for (const room of this.#rooms.values()) room.next_attempt = 0;
    return this.duePositions(frame_id, now);
  }

  /** To be sent after `roomsToClose`, because a room may have been closed and opened again. */
  duePositions(frame_id: number, now: number): RoomPosition[] {
    const due = [...this.#rooms.values()].filter((room) => room.next_attempt <= now);
    return due.slice(0, MAX_ROOMS_PER_FRAME).map((room) => {
      room.request_id = frame_id;
      room.next_attempt = now + OVERDUE_MS;
      const { id, seq, epoch } = room;
      return seq === undefined || epoch === undefined
        ? { room: id }
        : { room: id, since: seq, epoch };
    });
  }

  /** Each room once. */
  roomsToClose(): string[] {
    const rooms = [...this.#to_close].slice(0, MAX_ROOMS_PER_FRAME);
    for (const room of rooms) this.#to_close.delete(room);
    return rooms;
  }

  nextDue(): number {
    return Math.min(Infinity, ...[...this.#rooms.values()].map((room) => room.next_attempt));
  }

  onFrame(frame: ServerFrame, epoch: string): void {
    if (!("room" in frame)) return;
    const room = this.#rooms.get(frame.room);
    if (!room) return;
    if (frame.type === "room.opened") {
      room.next_attempt = Infinity;
      const restarts = frame.state === "reset" || room.seq === undefined;
      if (restarts) room.seq = frame.state === "reset" ? frame.seq : frame.from;
      else room.seq = Math.max(room.seq ?? 0, frame.resume ?? 0);
      room.epoch = epoch;
    } else if (frame.type === "room.closed") {
      if (frame.reason !== "closed") this.#rooms.delete(room.id);
    } else if ("actor" in frame) {
      room.seq = Math.max(room.seq ?? 0, frame.seq);
    }
  }

  /**
   * The rooms that cannot be opened. An error without an id may be about any frame that has no
   * answer yet.
   */
  onRefused(
    frame_id: number | undefined,
    room_id: string | undefined,
    error: ApiError,
    now: number,
  ): string[] {
    const refused: string[] = [];
    for (const room of [...this.#rooms.values()]) {
      if (room.next_attempt === Infinity) continue;
      const is_meant = frame_id === room.request_id && (room_id ?? room.id) === room.id;
      if (frame_id === undefined ? error.is_final : !is_meant) continue;
      if (error.code === "too_many") {
        room.next_attempt = now + FULL_PAUSE_MS;
      } else if (error.is_final) {
        this.#rooms.delete(room.id);
        refused.push(room.id);
      } else {
        room.next_attempt = now + error.wait_ms;
      }
    }
    return refused;
  }
}

/** What the server would say to a client at `position`: it reads what it lacks from the log. */
function openedAt(room: SocketRoom, position: RoomPosition): RoomOpened {
  const head = room.seq ?? 0;
  const is_void = position.since !== undefined && position.epoch !== room.epoch;
  return {
    type: "room.opened",
    room: room.id,
    from: position.since ?? head,
    seq: head,
    ...(is_void ? { state: "reset" } : { state: "limited", resume: head }),
  };
}
