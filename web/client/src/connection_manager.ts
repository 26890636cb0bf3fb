/** Keeps one connection open: reconnects, renews tokens and moves when a server drains. */

import type { Backoff } from "./backoff.js";
import { CLOSED_REVOKED, ConnectionLost } from "./close_policy.js";
import { Connection, type Hello, socketUrl } from "./connection.js";
import { asApiError } from "./errors.js";
import { Value } from "./observable.js";
import type { Session } from "./session.js";
import { sleep } from "./timers.js";
import type { ConnectionState, ServerFrame, Welcome } from "./types.js";

/** Between two attempts, also after `reconnect`. */
const MIN_PAUSE_MS = 1000;

export type LinkState = Omit<ConnectionState, "waiting">;

/** What uses the connection. */
export interface ConnectionUser {
  /** The `hello` of a new socket, without its token. */
  hello(): Omit<Hello, "token">;
  /** A new socket replaces the last one, which was not closed if the server drains. */
  onWelcome(welcome: Welcome, connection: Connection): void;
  onFrame(frame: ServerFrame): void;
  /** Sends a frame that the server answers. */
  probe(): void;
  /** Requests in flight on the last socket may have arrived or not. */
  onDisconnected(): void;
}

export class ConnectionManager {
  readonly state = new Value<LinkState>({ state: "connecting", since: Date.now() });
  #connection: Connection | undefined;
  #closed = false;
  #is_running = false;
  #renewed = false; // after 4401 or 4402
  #skipPause: (() => void) | undefined;
  #endPause: (() => void) | undefined;
  #drain: ((in_ms: number) => void) | undefined;

  constructor(
    private readonly url: string,
    private readonly session: Session,
    private readonly backoff: Backoff,
    private readonly user: ConnectionUser,
  ) {}

  start(): void {
    if (this.#is_running) return;
    this.#is_running = true;
    void this.#run().finally(() => {
      this.#is_running = false;
    });
  }

  /**
   * Skips the pause before the next attempt; a pause that the server has set is kept. A connection
   * that may have died unnoticed is tried.
   */
  reconnect(): void {
    if (this.#connection) {
      this.#connection.checkSilence();
      this.user.probe();
      this.#connection.expectFrame();
    }
    this.#skipPause?.();
    if (!this.#closed) this.start();
  }

  /** The network is gone: what is on its way waits for the next connection. */
  interrupt(): void {
    this.#connection?.giveUp("There is no network.");
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
    this.#endPause?.();
    this.#setState("offline", { reason: "The client was closed." });
  }

  async #run(): Promise<void> {
    while (!this.#isClosed()) {
      try {
        await this.#runOnce();
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        if (this.#isClosed() || (await this.#isOver(error))) return;
        await this.#pause(error);
      }
    }
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  /** Connects and runs, moves included. Throws ConnectionLost. */
  async #runOnce(): Promise<void> {
    if (!this.#connection) this.#setState("connecting");
    let connection = await this.#connect();
    let started = Date.now();
    try {
      for (;;) {
        const successor = await this.#useUntilMoved(connection);
        if (this.backoff.resetAfter(Date.now() - started)) this.#renewed = false;
        connection.close();
        connection = successor;
        started = Date.now();
      }
    } finally {
      if (this.backoff.resetAfter(Date.now() - started)) this.#renewed = false;
      this.#connection = undefined;
      connection.close();
      this.user.onDisconnected();
    }
  }

  /** The connection that replaces this one, after the server has announced that it drains. */
  async #useUntilMoved(connection: Connection): Promise<Connection> {
    const draining = new Promise<number>((resolve) => {
      this.#drain = resolve;
    });
    connection.start((frame) => {
      if (frame.type === "draining") this.#drain?.(frame.in_ms);
      else this.user.onFrame(frame);
    });
    const in_ms = await Promise.race([draining, connection.lost]);
    this.#setState("draining");
    let is_over = false;
    const moving = this.#move(in_ms, () => is_over);
    moving.then(
      (successor) => {
        if (is_over) successor?.close();
      },
      () => undefined,
    );
    try {
      const successor = await Promise.race([moving, connection.lost]);
      return successor ?? (await connection.lost);
    } finally {
      is_over = true;
    }
  }

  /** Connects from the time that the server has assigned on, as often as it takes. */
  async #move(in_ms: number, isOver: () => boolean): Promise<Connection | undefined> {
    let pause_ms = in_ms;
    while (!isOver()) {
      await sleep(pause_ms);
      if (isOver()) return undefined;
      try {
        return await this.#connect(isOver);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        pause_ms = Math.max(error.options.wait_ms ?? 0, this.backoff.next());
      }
    }
    return undefined;
  }

  async #connect(isOver: () => boolean = () => this.#closed): Promise<Connection> {
    const token = await this.#ticket();
    const hello = { ...this.user.hello(), token };
    const { connection, welcome } = await Connection.open(socketUrl(this.url), hello);
    if (isOver()) {
      connection.close();
      throw new ConnectionLost("resume", "The connection is not needed any more.");
    }
    this.#connection = connection;
    this.#setState("online");
    this.user.onWelcome(welcome, connection);
    return connection;
  }

  async #ticket(): Promise<string> {
    try {
      return (await this.session.api.post("/ws-tickets")).ticket;
    } catch (error) {
      throw ConnectionLost.fromRefusal(asApiError(error));
    }
  }

  /** Prepares the next attempt; true if there must be none. */
  async #isOver(lost: ConnectionLost): Promise<boolean> {
    const { action, detail, options } = lost;
    if (action === "resume") return false;
    if (action === "renew" && !this.#renewed) {
      this.#renewed = true;
      return this.#renew();
    }
    const ends_session = action === "renew" || options.code === CLOSED_REVOKED;
    this.#setState("offline", { reason: detail });
    if (ends_session) await this.session.end(detail);
    return true;
  }

  async #renew(): Promise<boolean> {
    try {
      await this.session.renew();
      return false;
    } catch (error) {
      const refusal = asApiError(error);
      if (refusal.code === "unreachable") this.#renewed = false; // the server has not seen it
      if (refusal.is_final) this.#setState("offline", { reason: refusal.detail });
      return refusal.is_final;
    }
  }

  async #pause(lost: ConnectionLost): Promise<void> {
    const least_ms = Math.max(lost.options.wait_ms ?? 0, MIN_PAUSE_MS);
    const pause_ms = Math.max(lost.options.wait_ms ?? 0, this.backoff.next());
    const start = Date.now();
    this.#setState("offline", { reason: lost.detail, retry_at: start + pause_ms });
    await new Promise<void>((resolve) => {
      let timer = setTimeout(resolve, pause_ms);
      this.#endPause = resolve;
      this.#skipPause = () => {
        clearTimeout(timer);
        const end = Math.min(pause_ms, Math.max(0, least_ms - (Date.now() - start)));
        timer = setTimeout(resolve, end);
      };
    });
    this.#skipPause = this.#endPause = undefined;
  }

  #setState(state: LinkState["state"], more: Partial<LinkState> = {}): void {
    const known = this.state.get();
    if (known.state === state && known.reason === more.reason && more.retry_at === undefined) {
      return;
    }
    const is_offline = state === "offline" || state === "connecting";
    const was_offline = known.state === "offline" || known.state === "connecting";
    const since = is_offline && was_offline ? known.since : Date.now();
    this.state.set({ ...more, state, since });
  }
}
