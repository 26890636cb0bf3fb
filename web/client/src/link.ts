/** A tab's way to the server: its own socket if it is the leader, or else through the leader. */

import { Backoff } from "./backoff.js";
import { ConnectionManager, type LinkState } from "./connection_manager.js";
import { Hub } from "./hub.js";
import { Value } from "./observable.js";
import type { Outbox, OutboxChange } from "./outbox.js";
import type { RoomLog } from "./room_log.js";
import type { Session } from "./session.js";
import type { Command, Mirror, Report, TabFrame, TabMessage } from "./tab_messages.js";
import { type Channel, holdLock, openChannel } from "./tabs.js";
import type { User } from "./types.js";

export interface LinkOptions {
  /** The name that the tabs of the user share; undefined: this is the only one. */
  readonly name: string | undefined;
  readonly url: string;
  readonly agent: string;
  readonly user: User;
  readonly session: Session;
  readonly outbox: Outbox;
  /** A frame of the server; the leader gets it first. */
  onFrame(frame: TabFrame, epoch: string): void;
  /** What a new tab has to know, except for the connection and the outbox. */
  mirror(): Pick<Mirror, "rooms" | "snapshot" | "items">;
  onMirror(mirror: Mirror): void;
  /** This tab has the socket from now on. */
  onLeading(): void;
}

export class Link {
  readonly state = new Value<LinkState>({ state: "connecting", since: Date.now() });
  readonly #id = crypto.randomUUID();
  readonly #channel: Channel;
  readonly #logs = new Set<RoomLog>();
  readonly #releases: (() => void)[] = [];
  #presence: readonly string[] = [];
  #telling = false;
  #closed = false;
  #hub: Hub | undefined;
  #manager: ConnectionManager | undefined;

  constructor(private readonly options: LinkOptions) {
    this.#channel = openChannel(options.name, (message) => {
      this.#onMessage(message as TabMessage);
    });
  }

  /** Once what is stored was read. */
  start(): void {
    const { name } = this.options;
    this.#releases.push(
      // Held while the tab lives: the leader waits for it.
      holdLock(tabLock(name, this.#id), () => {
        this.#command({ kind: "attach", tab: this.#id });
        this.#tellSoon();
      }),
      holdLock(name === undefined ? undefined : `${name}:leader`, () => {
        if (!this.#closed) this.#lead();
      }),
    );
  }

  get is_leader(): boolean {
    return this.#hub !== undefined;
  }

  want(log: RoomLog): void {
    this.#logs.add(log);
    this.#tellSoon();
  }

  unwant(log: RoomLog): void {
    this.#logs.delete(log);
    this.#tellSoon();
  }

  reopen(log: RoomLog): void {
    this.#command({ kind: "reopen", room: log.id });
  }

  subscribePresence(users: readonly string[]): void {
    this.#presence = users;
    this.#tellSoon();
  }

  typing(room: string): void {
    this.#command({ kind: "typing", room });
  }

  /** The tab with the socket gives it up. */
  interrupt(): void {
    this.#manager?.interrupt();
  }

  reconnect(): void {
    this.#command({ kind: "reconnect" });
  }

  /** A change of the outbox that this tab has made. */
  announce(change: OutboxChange): void {
    this.#channel.post({ kind: "outbox", change } satisfies TabMessage);
    this.#queue(change);
  }

  /** The leader: passes a frame on to all tabs, or to one. */
  deliver(frame: TabFrame, epoch: string, tab?: string): void {
    if (tab === undefined || tab === this.#id) this.options.onFrame(frame, epoch);
    if (tab === this.#id) return;
    this.#channel.post({ kind: "frame", tab, frame, epoch } satisfies TabMessage);
  }

  close(): void {
    this.#closed = true;
    this.#manager?.close();
    this.#hub?.close();
    for (const release of this.#releases) release();
    this.#channel.close();
  }

  #lead(): void {
    const { options } = this;
    const hub = new Hub({
      agent: options.agent,
      me: options.user.id,
      outbox: options.outbox,
      snapshot: () => options.mirror().snapshot,
      deliver: (frame, epoch, tab) => {
        this.deliver(frame, epoch, tab);
      },
      onWelcome: (welcome) => {
        void options.session.setUser(welcome.user);
      },
    });
    const manager = new ConnectionManager(options.url, options.session, new Backoff(), hub);
    this.#hub = hub;
    this.#manager = manager;
    manager.state.subscribe((link) => {
      this.state.set(link);
      this.#report({ kind: "link", link });
    });
    options.onLeading();
    this.#tell();
    this.#report({ kind: "leader" });
    manager.start();
  }

  #report(report: Report): void {
    this.#channel.post(report satisfies TabMessage);
  }

  #command(command: Command): void {
    if (this.#hub) this.#onCommand(command);
    else this.#channel.post(command satisfies TabMessage);
  }

  #onCommand(command: Command): void {
    if (command.kind === "reconnect") this.#manager?.reconnect();
    else if (command.kind === "attach") this.#attach(command.tab);
    else this.#hub?.onCommand(command);
  }

  /** Another tab is there: it gets the state, and is forgotten when its lock is free. */
  #attach(tab: string): void {
    if (tab === this.#id) return;
    const outbox = this.options.outbox.entries;
    const mirror = { ...this.options.mirror(), link: this.state.get(), outbox };
    this.#report({ kind: "mirror", tab, mirror });
    const release = holdLock(tabLock(this.options.name, tab), () => {
      this.#hub?.dropTab(tab);
      queueMicrotask(() => {
        release();
      });
    });
  }

  #onMessage(message: TabMessage): void {
    switch (message.kind) {
      case "attach":
      case "wants":
      case "reopen":
      case "typing":
      case "reconnect":
        if (this.#hub) this.#onCommand(message);
        break;
      case "leader":
        this.#command({ kind: "attach", tab: this.#id });
        this.#tellSoon();
        break;
      case "mirror":
        if (message.tab === this.#id) this.#onMirror(message.mirror);
        break;
      case "frame":
        if (message.tab === undefined || message.tab === this.#id) {
          this.options.onFrame(message.frame, message.epoch);
        }
        break;
      case "link":
        this.state.set(message.link);
        break;
      case "outbox":
        this.options.outbox.apply(message.change);
        this.#queue(message.change);
    }
  }

  #onMirror(mirror: Mirror): void {
    this.state.set(mirror.link);
    for (const entry of mirror.outbox) this.options.outbox.apply({ kind: "put", entry });
    this.options.onMirror(mirror);
    // What the last leader may not have had time to send.
    for (const entry of this.options.outbox.unsent) {
      const change = { kind: "put", entry } as const;
      this.#channel.post({ kind: "outbox", change } satisfies TabMessage);
    }
  }

  /** The leader sends what is new. */
  #queue(change: OutboxChange): void {
    if (change.kind === "put") this.#hub?.enqueue(change.entry);
    else if (change.kind === "dropped") this.#hub?.dequeue(change.nonce);
  }

  #tellSoon(): void {
    if (this.#telling || this.#closed) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      this.#tell();
    });
  }

  #tell(): void {
    const rooms = [...this.#logs]
      .filter((log) => log.state.get() !== "gone")
      .map((log) => log.position);
    this.#command({ kind: "wants", tab: this.#id, rooms, presence: this.#presence });
  }
}

function tabLock(name: string | undefined, tab: string): string | undefined {
  return name === undefined ? undefined : `${name}:tab:${tab}`;
}
