/** One WebSocket; the only module that uses `WebSocket`. */

import { ConnectionLost } from "./close_policy.js";
import type { ClientFrame, ServerFrame, Welcome } from "./types.js";

export const SUBPROTOCOL = "chat.v1";
const WELCOME_TIMEOUT_MS = 10_000;
/** Beyond the heartbeat interval, until the server counts as gone. */
const SILENCE_MARGIN_MS = 10_000;
/** For the answer to a probe. */
const PROBE_TIMEOUT_MS = 5000;
const NORMAL_CLOSURE = 1000;

export type Hello = Extract<ClientFrame, { type: "hello" }>;

/** A socket after its `welcome`. Frames wait until `start`, and come in the order of the server. */
export class Connection {
  /** Rejects with ConnectionLost once there is no connection any more. */
  readonly lost: Promise<never>;
  readonly #socket: WebSocket;
  #waiting: ServerFrame[] = [];
  #onFrame: ((frame: ServerFrame) => void) | undefined;
  #fail: (error: ConnectionLost) => void = () => undefined;
  #silence_ms = WELCOME_TIMEOUT_MS;
  #last_frame_at = Date.now();
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    url: string,
    readonly hello: Hello,
  ) {
    this.lost = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.lost.catch(() => undefined); // may happen while nobody waits for it
    this.#socket = new WebSocket(url, SUBPROTOCOL);
    this.#socket.onopen = () => {
      this.send(hello);
    };
    this.#socket.onclose = ({ code, reason }) => {
      this.#lose(ConnectionLost.fromCode(code, reason));
    };
    this.#socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.#receive(data);
    };
    this.checkSilence();
  }

  /** Connects, sends `hello` and waits for `welcome`. Throws ConnectionLost. */
  static async open(
    url: string,
    hello: Hello,
  ): Promise<{ connection: Connection; welcome: Welcome }> {
    const connection = new Connection(url, hello);
    const welcome = await Promise.race([connection.#welcome(), connection.lost]);
    connection.#silence_ms = welcome.heartbeat_ms + SILENCE_MARGIN_MS;
    return { connection, welcome };
  }

  start(onFrame: (frame: ServerFrame) => void): void {
    this.#onFrame = onFrame;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const frame of waiting) onFrame(frame);
  }

  /** Nothing happens if the socket is not open: `lost` says so. */
  send(frame: ClientFrame): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** After a frame that the server answers: without any frame soon, the connection is lost. */
  expectFrame(): void {
    const sent_at = Date.now();
    setTimeout(() => {
      if (this.#last_frame_at < sent_at) this.giveUp("The server does not answer any more.");
    }, PROBE_TIMEOUT_MS);
  }

  /** Gives the connection up if the server was silent for too long; called after sleep, too. */
  checkSilence(): void {
    clearTimeout(this.#timer);
    const left = this.#last_frame_at + this.#silence_ms - Date.now();
    if (left <= 0) {
      const seconds = String(Math.round(this.#silence_ms / 1000));
      this.giveUp(`Nothing was received for ${seconds} s.`);
      return;
    }
    this.#timer = setTimeout(() => {
      this.checkSilence();
    }, left);
  }

  /** The events after this are not used. */
  close(): void {
    this.giveUp("The connection was closed by the client.");
  }

  /** Without waiting for the server to notice; `lost` has the reason. */
  giveUp(detail: string): void {
    this.#lose(new ConnectionLost("resume", detail));
    this.#socket.close(NORMAL_CLOSURE);
  }

  #welcome(): Promise<Welcome> {
    return new Promise((resolve) => {
      this.#onFrame = (frame) => {
        if (frame.type !== "welcome") return;
        this.#onFrame = undefined; // what follows waits for `start`
        resolve(frame);
      };
    });
  }

  #receive(data: unknown): void {
    this.#last_frame_at = Date.now();
    const frame = parseFrame(data);
    if (!frame) return;
    if (this.#onFrame) this.#onFrame(frame);
    else this.#waiting.push(frame);
  }

  #lose(lost: ConnectionLost): void {
    clearTimeout(this.#timer);
    this.#socket.onclose = this.#socket.onmessage = this.#socket.onopen = null;
    this.#onFrame = () => undefined;
    this.#fail(lost);
  }
}

/** A frame may have any `type`: those of later releases are ignored where frames are used. */
function parseFrame(data: unknown): ServerFrame | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const frame = JSON.parse(data) as { type?: unknown } | null;
    return typeof frame?.type === "string" ? (frame as ServerFrame) : undefined;
  } catch {
    return undefined;
  }
}

export function socketUrl(url: string): string {
  return `${url.replace(/^http/, "ws")}/ws`;
}
