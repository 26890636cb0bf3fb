/** The rooms of the user, as the `rooms` frames say, and as the events of open rooms go on. */

import { beginning } from "./message_views.js";
import { type Observable, Value } from "./observable.js";
import { Debounce } from "./timers.js";
import type { Message, RoomEntry, RoomEvent, RoomList as RoomListFrame } from "./types.js";

/** One more stands for all greater numbers. */
const MAX_UNREAD = 999;
const REFRESH_DELAY_MS = 1000;
/** Between two looks whether a time-out has ended, where the device's clock is ahead. */
const MIN_TIME_OUT_MS = 5000;
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface StoredRooms {
  readonly rooms: readonly RoomEntry[];
  readonly snapshot: string | undefined;
}

export class RoomList {
  readonly value = new Value<readonly RoomEntry[]>([]);
  /** For the next `hello`: then only what has changed since comes. */
  snapshot: string | undefined;
  readonly #rooms = new Map<string, RoomEntry>();
  readonly #entries = new Map<string, Value<RoomEntry | undefined>>();
  readonly #doubtful = new Set<string>();
  /** Until the next time-out ends: the permissions come back without a frame. */
  #time_out: ReturnType<typeof setTimeout> | undefined;
  readonly #refreshing = new Debounce(REFRESH_DELAY_MS, () => {
    const rooms = [...this.#doubtful];
    this.#doubtful.clear();
    for (const room of rooms) this.refresh(room);
  });

  /** `refresh` reads an entry that events alone do not tell. */
  constructor(
    private readonly me: string,
    private readonly refresh: (room: string) => void,
  ) {}

  has(room: string): boolean {
    return this.#rooms.has(room);
  }

  entry(room: string): Observable<RoomEntry | undefined> {
    let entry = this.#entries.get(room);
    if (!entry) this.#entries.set(room, (entry = new Value(this.#rooms.get(room))));
    return entry;
  }

  get stored(): StoredRooms {
    return { rooms: [...this.#rooms.values()], snapshot: this.snapshot };
  }

  load(stored: StoredRooms): void {
    this.#rooms.clear();
    for (const entry of stored.rooms) this.#rooms.set(entry.room, entry);
    this.snapshot = stored.snapshot;
    this.#publish();
  }

  onFrame(frame: RoomListFrame): void {
    if (frame.full) this.#rooms.clear();
    for (const entry of frame.rooms) {
      const known = this.#rooms.get(entry.room);
      if (known && known.seq > entry.seq) this.doubt(entry.room);
      this.#rooms.set(entry.room, entry);
    }
    for (const room of frame.gone) this.#rooms.delete(room);
    this.snapshot = frame.snapshot ?? this.snapshot;
    this.#publish();
  }

  /** An event of a room that is open on the socket: no entry comes for it. */
  onEvent(event: RoomEvent): void {
    const known = this.#rooms.get(event.room);
    if (!known || event.seq <= known.seq) return;
    this.#rooms.set(event.room, this.#after(event, { ...known, seq: event.seq }));
    this.#publish();
  }

  /** The user has read the room on this device. */
  markRead(room: string, seq: number): void {
    const known = this.#rooms.get(room);
    if (!known || seq <= (known.read_seq ?? 0)) return;
    const is_all = seq >= (known.last_message?.seq ?? 0);
    this.#rooms.set(room, {
      ...known,
      read_seq: seq,
      ...(is_all ? { unread: 0, mentions: 0 } : {}),
    });
    if (!is_all) this.doubt(room);
    this.#publish();
  }

  doubt(room: string): void {
    this.#doubtful.add(room);
    this.#refreshing.call();
  }

  close(): void {
    clearTimeout(this.#time_out);
    this.#refreshing.cancel();
  }

  #after(event: RoomEvent, entry: RoomEntry): RoomEntry {
    switch (event.type) {
      case "message.created":
        return this.#afterMessage(event.message, entry);
      case "message.edited":
        this.doubt(entry.room);
        if (entry.last_message?.seq !== event.message.seq) return entry;
        return { ...entry, last_message: lastMessage(event.message) };
      case "messages.deleted":
        this.doubt(entry.room);
        return entry;
      case "room.changed": {
        const { name: _, settings: __, ...rest } = entry;
        const { kind, name, topic, archived, settings } = event.details;
        return {
          ...rest,
          kind,
          topic,
          archived,
          ...(name == null ? {} : { name }),
          ...(settings == null ? {} : { settings }),
        };
      }
      case "member.role_changed":
        return event.member.user === this.me ? { ...entry, role: event.member.role } : entry;
      default:
        return entry;
    }
  }

  #afterMessage(message: Message, entry: RoomEntry): RoomEntry {
    if (message.deletion || (message.thread != null && !message.also_in_room)) return entry;
    const last_message = lastMessage(message);
    if (message.sender === this.me) {
      return { ...entry, last_message, read_seq: message.seq, unread: 0, mentions: 0 };
    }
    if (message.mentions?.includes(this.me) || message.room_mentions?.length) {
      this.doubt(entry.room);
    }
    return {
      ...entry,
      last_message,
      unread: Math.min((entry.unread ?? 0) + 1, MAX_UNREAD + 1),
    };
  }

  #publish(): void {
    const rooms = [...this.#rooms.values()];
    this.value.set(rooms.sort((a, b) => (activity(a) < activity(b) ? 1 : -1)));
    for (const [room, entry] of this.#entries) entry.set(this.#rooms.get(room));
    this.#awaitTimeOuts(rooms);
  }

  #awaitTimeOuts(rooms: readonly RoomEntry[]): void {
    clearTimeout(this.#time_out);
    const timed_out = rooms.filter((entry) => entry.timed_out_until != null);
    if (timed_out.length === 0) return;
    const left = timed_out.map((entry) => Date.parse(entry.timed_out_until ?? "") - Date.now());
    const delay = Math.min(Math.max(Math.min(...left), MIN_TIME_OUT_MS), MAX_TIMER_MS);
    this.#time_out = setTimeout(() => {
      for (const { room, timed_out_until } of timed_out) {
        if (Date.parse(timed_out_until ?? "") <= Date.now()) this.doubt(room);
      }
      this.#awaitTimeOuts([...this.#rooms.values()]);
    }, delay);
  }
}

function activity(entry: RoomEntry): string {
  return entry.last_message?.at ?? "";
}

function lastMessage({ seq, sender, at, text }: Message) {
  return { seq, sender, at, text: beginning(text) };
}

/** The entry of the list of rooms that a room over HTTP is; null there is absent here. */
export function toEntry(room: object & { id: string }): RoomEntry {
  const { id, ...rest } = room;
  const fields = Object.entries(rest).filter(
    ([name, value]) => value !== null && name !== "created_at",
  );
  return { ...Object.fromEntries(fields), room: id } as RoomEntry;
}
