import type { Api } from "./api.js";
import { listenToBrowser } from "./browser.js";
import { Engine } from "./engine.js";
import { closed } from "./errors.js";
import { HttpClient } from "./http.js";
import type { Observable } from "./observable.js";
import { Relay } from "./relay.js";
import type { Room } from "./room.js";
import { SafeStorage } from "./safe_storage.js";
import { Session } from "./session.js";
import { IndexedDbStorage } from "./storage/indexeddb.js";
import { MemoryStorage } from "./storage/memory.js";
import type { Storage } from "./storage/storage.js";
import type {
  Block,
  ConnectionState,
  Draft,
  FollowedThread,
  PresenceState,
  Registration,
  Reminder,
  RoomEntry,
  SavedMessage,
  Scheduled,
  SessionState,
  StorageState,
  User,
} from "./types.js";

const AGENT = "chat-client/0.1.0";

export interface ChatOptions {
  /** The server's address, such as `location.origin`. */
  url: string;
  /** Absent: IndexedDB where there is one, memory elsewhere. */
  storage?: Storage;
  /** Where the refresh token is: in a cookie that scripts cannot read, or in `storage`. Absent: in
   * a cookie in browsers, in `storage` elsewhere. */
  auth?: "cookie" | "bearer";
  /** Name and version of the program, for the server's log. */
  agent?: string;
  /** Sends requests instead of the global `fetch`. */
  fetch?: typeof fetch;
}

/** The user's items, newest first. */
export interface Items {
  readonly drafts: Observable<readonly Draft[]>;
  readonly saved: Observable<readonly SavedMessage[]>;
  readonly scheduled: Observable<readonly Scheduled[]>;
  readonly reminders: Observable<readonly Reminder[]>;
  /** Whom the user has blocked. */
  readonly blocks: Observable<readonly Block[]>;
}

/** Observables by id; the value is read from the server while somebody observes it. */
export interface Directory<T> {
  get(id: string): Observable<T>;
}

/** One user's client: signs in, stays connected, and keeps what the user sees up to date. */
export class ChatClient {
  readonly api: Api;
  readonly session: Observable<SessionState>;
  readonly storage: Observable<StorageState>;
  readonly #connection = new Relay<Engine, ConnectionState>((engine) => engine.connection, {
    state: "offline",
    since: Date.now(),
    reason: "Nobody is signed in.",
    waiting: 0,
  });
  readonly #rooms = new Relay<Engine, readonly RoomEntry[]>((engine) => engine.list.value, []);
  readonly #threads = new Relay<Engine, readonly FollowedThread[]>((e) => e.threads.value, []);
  readonly #drafts = new Relay<Engine, readonly Draft[]>((engine) => engine.items.drafts, []);
  readonly #saved = new Relay<Engine, readonly SavedMessage[]>((engine) => engine.items.saved, []);
  readonly #scheduled = new Relay<Engine, readonly Scheduled[]>((e) => e.items.scheduled, []);
  readonly #reminders = new Relay<Engine, readonly Reminder[]>((e) => e.items.reminders, []);
  readonly #blocks = new Relay<Engine, readonly Block[]>((engine) => engine.items.blocks, []);
  readonly #options: ChatOptions;
  readonly #scope: string | undefined;
  readonly #storage: SafeStorage;
  readonly #session: Session;
  readonly #removeListeners: () => void;
  #engine: Engine | undefined;
  #engine_user: string | undefined;
  #closing: Promise<void> = Promise.resolve();

  constructor(options: ChatOptions) {
    this.#options = { ...options, url: options.url.replace(/\/+$/, "") };
    const storage = options.storage ?? defaultStorage();
    this.#scope = storage.scope;
    this.#storage = new SafeStorage(storage);
    this.storage = this.#storage.state;
    const http = new HttpClient(
      this.#options.url,
      options.fetch ?? globalThis.fetch.bind(globalThis),
    );
    this.#session = new Session(http, this.#storage, options.auth ?? defaultAuth(), this.#scope);
    this.api = this.#session.api;
    this.session = this.#session.state;
    this.#session.state.subscribe((state) => {
      this.#onSession(state);
    });
    this.#removeListeners = listenToBrowser({
      onReturn: () => {
        this.reconnect();
      },
      onOffline: () => {
        this.#engine?.link.interrupt();
      },
      onHidden: () => {
        this.#engine?.flush();
      },
    });
  }

  get connection(): Observable<ConnectionState> {
    return this.#connection;
  }

  /** The user's rooms, those with the newest messages first. */
  get rooms(): Observable<readonly RoomEntry[]> {
    return this.#rooms;
  }

  /** The threads that the user follows, read while somebody observes them. */
  get threads(): Observable<readonly FollowedThread[]> {
    return this.#threads;
  }

  get items(): Items {
    return {
      drafts: this.#drafts,
      saved: this.#saved,
      scheduled: this.#scheduled,
      reminders: this.#reminders,
      blocks: this.#blocks,
    };
  }

  get users(): Directory<User | undefined> {
    return this.#signedIn.users;
  }

  get presence(): Directory<PresenceState> {
    return this.#signedIn.presence;
  }

  /** Continues the session of the storage or of the cookie; resolves to the state after that. */
  restore(): Promise<SessionState> {
    return this.#session.restore();
  }

  signIn(username: string, password: string): Promise<User> {
    return this.#session.signIn(username, password);
  }

  /** Creates an account and signs in. */
  register(account: Registration): Promise<User> {
    return this.#session.register(account);
  }

  /** Ends the session, and deletes what this device has stored for the user. */
  async signOut(): Promise<void> {
    await this.#session.signOut();
    await this.#closing;
  }

  /** Ends all sessions of the user. */
  async signOutEverywhere(): Promise<void> {
    await this.#session.signOutEverywhere();
    await this.#closing;
  }

  /** The same object for the same id, while the user is signed in. Throws ApiError otherwise. */
  room(id: string): Room {
    return this.#signedIn.room(id);
  }

  remind(reminder: {
    room: string;
    seq?: number;
    note?: string;
    due_at: string;
  }): Promise<Reminder> {
    return this.api.post("/users/me/reminders", { body: reminder });
  }

  /** Skips the pause before the next attempt to connect. */
  reconnect(): void {
    this.#engine?.link.reconnect();
  }

  /** Ends all work; the session stays. */
  async close(): Promise<void> {
    this.#removeListeners();
    this.#session.close();
    this.#closeEngine(false);
    await this.#closing;
    await this.#storage.close();
  }

  get #signedIn(): Engine {
    if (!this.#engine) throw closed("Nobody is signed in.");
    return this.#engine;
  }

  /** Another user, also one who signed in in another tab, gets another engine. */
  #onSession(state: SessionState): void {
    const user = state.state === "signed_in" ? state.user : undefined;
    if (user?.id === this.#engine_user) return;
    // Who has signed out, also in another tab, leaves nothing behind.
    this.#closeEngine(state.state === "signed_out" && state.reason === undefined);
    if (!user) return;
    const { url, agent = AGENT } = this.#options;
    const [scope, storage, session] = [this.#scope, this.#storage, this.#session];
    const engine = new Engine({ url, agent, scope, storage, session, user });
    this.#engine = engine;
    this.#engine_user = user.id;
    this.#setSource(engine);
    void engine.start();
  }

  #closeEngine(forget: boolean): void {
    const engine = this.#engine;
    this.#engine = undefined;
    this.#engine_user = undefined;
    this.#setSource(undefined);
    if (!engine) return;
    this.#closing = this.#closing.then(async () => {
      await engine.close();
      if (forget) await engine.forget();
    });
  }

  #setSource(engine: Engine | undefined): void {
    for (const relay of [
      this.#connection,
      this.#rooms,
      this.#threads,
      this.#drafts,
      this.#saved,
      this.#scheduled,
      this.#reminders,
      this.#blocks,
    ]) {
      relay.setSource(engine);
    }
  }
}

function defaultStorage(): Storage {
  return typeof indexedDB === "undefined" ? new MemoryStorage() : new IndexedDbStorage();
}

function defaultAuth(): "cookie" | "bearer" {
  return typeof document === "undefined" ? "bearer" : "cookie";
}
