/** Everything that one signed-in user has: made after a sign-in, closed with the session. */

import { asApiError, closed } from "./errors.js";
import { type ItemLists, ItemStore } from "./items.js";
import { Link } from "./link.js";
import { MessageRequests } from "./message_requests.js";
import { Value } from "./observable.js";
import { Outbox } from "./outbox.js";
import { draftName, PendingWrites } from "./pending_writes.js";
import { PresenceDirectory } from "./presence.js";
import { RoomHandle } from "./room_handle.js";
import { RoomList, type StoredRooms, toEntry } from "./room_list.js";
import { RoomLog } from "./room_log.js";
import type { RoomServices } from "./room_services.js";
import type { SafeStorage } from "./safe_storage.js";
import type { Session } from "./session.js";
import type { TabFrame } from "./tab_messages.js";
import { sharedName } from "./tabs.js";
import { FollowedThreads } from "./threads.js";
import { Debounce } from "./timers.js";
import type { ConnectionState, User } from "./types.js";
import { UserDirectory } from "./users.js";

const STORE_DELAY_MS = 1000;

export interface EngineOptions {
  readonly url: string;
  readonly agent: string;
  readonly scope: string | undefined;
  readonly storage: SafeStorage;
  readonly session: Session;
  readonly user: User;
}

interface StoredLists extends StoredRooms {
  readonly items: ItemLists;
}

export class Engine {
  readonly connection: Value<ConnectionState>;
  readonly list: RoomList;
  readonly items: ItemStore;
  readonly threads: FollowedThreads;
  readonly users: UserDirectory;
  readonly presence: PresenceDirectory;
  readonly outbox: Outbox;
  readonly writes: PendingWrites;
  readonly link: Link;
  readonly #rooms = new Map<string, RoomHandle>();
  readonly #prefix: string;
  readonly #storing = new Debounce(STORE_DELAY_MS, () => {
    void this.#store();
  });
  #closed = false;

  constructor(private readonly options: EngineOptions) {
    const { session, storage, user } = options;
    this.#prefix = `user/${user.id}/`;
    this.list = new RoomList(user.id, (room) => {
      if (this.link.is_leader) void this.#refreshRoom(room);
    });
    this.items = new ItemStore(session.api, (room) => this.list.has(room));
    this.threads = new FollowedThreads(session.api);
    this.users = new UserDirectory(session.api, storage, `${this.#prefix}users`);
    this.presence = new PresenceDirectory((users) => {
      this.link.subscribePresence(users);
    });
    this.writes = new PendingWrites(
      ({ method, path, request }) => session.send(method, path, request),
      storage,
      `${this.#prefix}write/`,
    );
    this.outbox = new Outbox({
      me: user.id,
      storage,
      key: (nonce) => `${this.#prefix}outbox/${nonce}`,
      announce: (change) => {
        this.link.announce(change);
      },
      isFollowed: (room) => this.#rooms.get(room)?.log.isWanted() ?? false,
    });
    this.link = this.#createLink();
    this.connection = new Value<ConnectionState>({ ...this.link.state.get(), waiting: 0 });
    this.link.state.subscribe(() => {
      this.#updateConnection();
    });
    this.outbox.waiting.subscribe(() => {
      this.#updateConnection();
    });
    this.outbox.changes.add((room) => this.#rooms.get(room)?.onOutbox());
  }

  /** Shows what is stored, and connects. */
  async start(): Promise<void> {
    const stored = (await this.options.storage.get(`${this.#prefix}lists`)) as
      StoredLists | undefined;
    if (stored) {
      this.list.load(stored);
      this.items.load(stored.items);
    }
    await Promise.all([this.users.restore(), this.outbox.restore()]);
    if (!this.#closed) this.link.start();
  }

  room(id: string): RoomHandle {
    let room = this.#rooms.get(id);
    if (!room)
      this.#rooms.set(id, (room = new RoomHandle(this.#createLog(id), this.#roomContext())));
    return room;
  }

  /** Stores now what is to be stored later: the page may end. */
  flush(): void {
    for (const room of this.#rooms.values()) room.log.flush();
    this.users.flush();
    this.#storing.flush();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const room of this.#rooms.values()) room.close();
    this.link.close();
    this.list.close();
    this.users.close();
    this.threads.close();
    this.writes.close();
    this.#storing.cancel();
    this.outbox.close(closed("The client was closed; the message waits for the next start."));
    await this.#store();
  }

  /** What this device has of the user. */
  async forget(): Promise<void> {
    await this.options.storage.clear(this.#prefix);
  }

  #createLink(): Link {
    const { scope, session, url, agent, user } = this.options;
    return new Link({
      name: sharedName(scope, user.id),
      url,
      agent,
      user,
      session,
      outbox: this.outbox,
      onFrame: (frame, epoch) => {
        this.#onFrame(frame, epoch);
      },
      mirror: () => ({ ...this.list.stored, items: this.items.stored }),
      onMirror: (mirror) => {
        this.list.load(mirror);
        this.items.load(mirror.items);
      },
      onLeading: () => {
        void this.writes.restore();
      },
    });
  }

  #createLog(id: string): RoomLog {
    const { storage, session, user } = this.options;
    const requests = new MessageRequests(session.api);
    const services: RoomServices = {
      me: user.id,
      storage,
      key: (room) => `${this.#prefix}room/${room}`,
      readEvents: (room, gap) => requests.events(room, gap),
      readPage: (room, stream, query) => requests.page(room, stream, query),
      readMessage: (room, seq) => requests.message(room, seq),
      want: (log) => {
        this.link.want(log);
      },
      unwant: (log) => {
        this.link.unwant(log);
      },
      reopen: (log) => {
        this.link.reopen(log);
      },
    };
    return new RoomLog(id, services);
  }

  #roomContext() {
    const { list, items, outbox, writes, link, threads } = this;
    return { api: this.options.session.api, list, items, outbox, writes, link, threads };
  }

  #onFrame(frame: TabFrame, epoch: string): void {
    switch (frame.type) {
      case "rooms":
        this.list.onFrame(frame);
        this.items.onRooms(frame);
        this.threads.onRooms(frame);
        for (const { room } of frame.rooms) this.#rooms.get(room)?.onEntry();
        this.#storing.call();
        break;
      case "item.changed":
        // What was typed on this device since is newer.
        if (frame.kind === "draft" && this.writes.has(draftName(frame.room, frame.seq ?? 0))) break;
        this.items.onFrame(frame);
        this.#storing.call();
        break;
      case "user.changed":
        this.users.put(frame.user);
        if (frame.user.id === this.options.user.id) void this.options.session.setUser(frame.user);
        break;
      case "presence":
        this.presence.onFrame(frame.users);
        break;
      case "ping":
        for (const { room, seq } of frame.heads) this.#rooms.get(room)?.log.onHead(seq);
        break;
      default:
        this.#onRoomFrame(frame, epoch);
    }
  }

  #onRoomFrame(frame: TabFrame, epoch: string): void {
    if (!("room" in frame)) return;
    const room = this.#rooms.get(frame.room);
    switch (frame.type) {
      case "room.opened":
        room?.log.onOpened(frame, epoch);
        break;
      case "room.closed":
        if (frame.reason !== "closed") room?.log.onEnded();
        break;
      case "room.refused":
        room?.log.onEnded();
        break;
      case "read":
        room?.onRead(frame.user, frame.seq);
        break;
      case "typing":
        room?.typing_users.onFrame(frame.users, frame.ttl_ms);
        break;
      default:
        if (!("actor" in frame)) return;
        this.list.onEvent(frame);
        room?.log.onEvent(frame);
        this.#storing.call();
    }
  }

  #updateConnection(): void {
    const link = this.link.state.get();
    const was_online = this.connection.get().state === "online";
    this.connection.set({ ...link, waiting: this.outbox.waiting.get() });
    if (link.state === "online" && !was_online) {
      this.users.reload();
      this.threads.reload();
      this.writes.flush();
    }
    if (link.state === "offline") this.presence.forget();
  }

  /** The leader reads an entry that events alone do not tell, for all tabs. */
  async #refreshRoom(id: string): Promise<void> {
    try {
      const path = { room_id: id };
      const room = await this.options.session.api.get("/rooms/{room_id}", { path });
      if (room.role == null) return;
      const frame = { type: "rooms", full: false, rooms: [toEntry(room)], gone: [] } as const;
      this.link.deliver({ ...frame, rooms: [...frame.rooms], gone: [] }, "");
    } catch (error) {
      if (!asApiError(error).is_final) this.list.doubt(id);
    }
  }

  /** Only the leader: what the other tabs have is the same, or older. */
  async #store(): Promise<void> {
    if (!this.link.is_leader) return;
    const lists: StoredLists = { ...this.list.stored, items: this.items.stored };
    await this.options.storage.write([`${this.#prefix}lists`, lists]);
  }
}
