/** The leader's part: one socket for all tabs, and the messages of the outbox on it. */

import type { Connection } from "./connection.js";
import type { ConnectionUser } from "./connection_manager.js";
import { ApiError } from "./errors.js";
import type { Outbox } from "./outbox.js";
import { type OutboxEntry, sendFrame, sentBy } from "./outbox_entry.js";
import { SendQueue } from "./send_queue.js";
import { SocketRooms } from "./socket_rooms.js";
import type { Command, TabFrame } from "./tab_messages.js";
import { Debounce } from "./timers.js";
import type { Ack, ErrorFrame, RoomEvent, ServerFrame, ServerLimits, Welcome } from "./types.js";

const PRESENCE_DELAY_MS = 100;

export interface HubOptions {
  readonly agent: string;
  readonly me: string;
  readonly outbox: Outbox;
  /** That of the list of rooms. */
  snapshot(): string | undefined;
  /** Passes a frame on to all tabs, or to one. */
  deliver(frame: TabFrame, epoch: string, tab?: string): void;
  onWelcome(welcome: Welcome): void;
}

export class Hub implements ConnectionUser {
  readonly #rooms = new SocketRooms();
  readonly #queue = new SendQueue();
  readonly #presence = new Map<string, readonly string[]>(); // users by tab
  readonly #subscribing = new Debounce(PRESENCE_DELAY_MS, () => {
    this.#subscribe();
  });
  #connection: Connection | undefined;
  #epoch = "";
  #limits: ServerLimits | undefined;
  #last_id = 0;
  #presence_id = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: HubOptions) {
    for (const entry of options.outbox.unsent) this.enqueue(entry);
  }

  /** A message of the outbox is new, was dropped, or is to be sent again. */
  enqueue(entry: OutboxEntry): void {
    if (entry.error) this.#queue.remove(entry.nonce);
    else this.#queue.add(entry);
    this.#pump();
  }

  dequeue(nonce: string): void {
    this.#queue.remove(nonce);
  }

  onCommand(command: Command): void {
    if (command.kind === "wants") this.#setWants(command.tab, command.rooms, command.presence);
    else if (command.kind === "reopen") this.#rooms.reopen(command.room);
    else if (command.kind === "typing") this.#send({ type: "typing", room: command.room });
    this.#pump();
  }

  /** A tab is gone. */
  dropTab(tab: string): void {
    this.#setWants(tab, [], []);
    this.#presence.delete(tab);
    this.#pump();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#subscribing.cancel();
    this.#connection = undefined;
  }

  hello(): ReturnType<ConnectionUser["hello"]> {
    const id = this.#nextId();
    const snapshot = this.options.snapshot();
    return {
      type: "hello",
      id,
      client: this.options.agent,
      rooms: this.#rooms.hello(id, Date.now()),
      ...(snapshot === undefined ? {} : { snapshot }),
    };
  }

  onWelcome(welcome: Welcome, connection: Connection): void {
    this.#repeatLater();
    this.#connection = connection;
    this.#epoch = welcome.epoch;
    this.#limits = welcome.limits;
    this.options.onWelcome(welcome);
    this.#subscribing.call();
    this.#pump();
  }

  onDisconnected(): void {
    this.#connection = undefined;
    this.#repeatLater();
  }

  onFrame(frame: ServerFrame): void {
    this.#rooms.onFrame(frame, this.#epoch);
    switch (frame.type) {
      case "ack":
        this.#onAck(frame);
        break;
      case "error":
        this.#onError(frame);
        break;
      case "ping":
        this.#send({ type: "pong", n: frame.n });
        this.options.deliver(frame, this.#epoch);
        break;
      case "message.created":
        this.options.deliver(frame, this.#epoch);
        this.#onOwnMessage(frame);
        break;
      default:
        this.options.deliver(frame, this.#epoch);
    }
    this.#pump();
  }

  probe(): void {
    this.#subscribe(true);
  }

  #setWants(
    tab: string,
    positions: Extract<Command, { kind: "wants" }>["rooms"],
    presence: readonly string[],
  ): void {
    const wanted = new Set(positions.map((position) => position.room));
    for (const room of this.#rooms.of(tab)) if (!wanted.has(room)) this.#rooms.unwant(tab, room);
    for (const position of positions) {
      const opened = this.#rooms.want(tab, position);
      if (opened) this.options.deliver(opened, this.#epoch, tab);
    }
    const known = this.#presence.get(tab) ?? [];
    if (known.join() === presence.join()) return;
    this.#presence.set(tab, presence);
    this.#subscribing.call();
  }

  #subscribe(always = false): void {
    if (!this.#connection) return;
    const max = this.#limits?.presence_subscriptions ?? 200;
    const users = [...new Set([...this.#presence.values()].flat())].slice(0, max);
    if (users.length === 0 && this.#presence_id === 0 && !always) return;
    this.#presence_id = this.#nextId();
    this.#send({ type: "presence.subscribe", id: this.#presence_id, users });
  }

  /** Sends what is due, and comes again when something else is. */
  #pump(): void {
    clearTimeout(this.#timer);
    if (!this.#connection) return;
    const now = Date.now();
    const rooms = this.#rooms.roomsToClose();
    if (rooms.length > 0) this.#send({ type: "close", rooms });
    const id = this.#nextId();
    const positions = this.#rooms.duePositions(id, now);
    if (positions.length > 0) this.#send({ type: "open", id, rooms: positions });
    for (const entry of this.#queue.due(now)) this.#sendMessage(entry, now);
    const due = Math.min(this.#rooms.nextDue(), this.#queue.nextDue());
    if (due === Infinity) return;
    this.#timer = setTimeout(
      () => {
        this.#pump();
      },
      Math.max(0, due - now),
    );
  }

  #sendMessage(entry: OutboxEntry, now: number): void {
    const id = this.#nextId();
    const frame = { ...sendFrame(entry), id };
    const max_bytes = this.#limits?.frame_bytes ?? Infinity;
    if (new TextEncoder().encode(JSON.stringify(frame)).length > max_bytes) {
      // The server would refuse it without its id.
      const detail = `The message is too long: it has at most ${String(max_bytes)} bytes.`;
      this.#queue.remove(entry.nonce);
      void this.options.outbox.fail(entry.nonce, new ApiError("too_large", detail));
      return;
    }
    this.#queue.markSent(entry.nonce, id, now);
    this.options.outbox.mark(entry.nonce, true);
    this.#send(frame);
  }

  #onAck(ack: Ack): void {
    const entry = typeof ack.id === "number" ? this.#queue.onAck(ack.id) : undefined;
    if (entry) void this.options.outbox.settle(entry.nonce, sentBy(ack, entry));
  }

  /** The event says as much as an ack, which may be lost. */
  #onOwnMessage(event: Extract<RoomEvent, { type: "message.created" }>): void {
    const { nonce, sender, seq, at } = event.message;
    if (sender !== this.options.me || !this.options.outbox.has(nonce)) return;
    this.#queue.remove(nonce);
    void this.options.outbox.settle(nonce, { seq, at });
  }

  #onError(frame: ErrorFrame): void {
    const error = errorOf(frame);
    const id = typeof frame.id === "number" ? frame.id : undefined;
    const now = Date.now();
    if (id !== undefined && id === this.#presence_id && !error.is_final) this.#subscribing.call();
    const entry = this.#queue.onRefused(id, error, now);
    if (entry) {
      void this.options.outbox.fail(entry.nonce, error);
      return;
    }
    for (const room of this.#rooms.onRefused(id, frame.room, error, now)) {
      this.options.deliver({ type: "room.refused", room, detail: frame.detail }, this.#epoch);
    }
  }

  /** Messages in flight may have arrived or not: the next socket gets them again. */
  #repeatLater(): void {
    for (const nonce of this.#queue.onDisconnected()) this.options.outbox.mark(nonce, false);
  }

  #send(frame: Parameters<Connection["send"]>[0]): void {
    this.#connection?.send(frame);
  }

  #nextId(): number {
    this.#last_id += 1;
    return this.#last_id;
  }
}

function errorOf(frame: ErrorFrame): ApiError {
  return new ApiError(frame.code, frame.detail, {
    retry: frame.retry,
    retry_after_ms: frame.retry_after_ms,
    errors: frame.errors ?? [],
  });
}
