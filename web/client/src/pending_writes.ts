/**
 * Changes of which only the last one counts: read markers and drafts. They are stored, and sent as
 * soon as there is a server; one that the server refuses for good is forgotten.
 */

import type { AnyRequest, Method } from "./api.js";
import { Backoff } from "./backoff.js";
import { asApiError } from "./errors.js";
import type { SafeStorage } from "./safe_storage.js";

export interface Write {
  readonly method: Method;
  readonly path: string;
  readonly request: AnyRequest;
}

export class PendingWrites {
  readonly #writes = new Map<string, Write>();
  readonly #sending = new Set<string>();
  readonly #backoff = new Backoff();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    private readonly send: (write: Write) => Promise<unknown>,
    private readonly storage: SafeStorage,
    private readonly prefix: string,
  ) {}

  /** What an earlier run has not sent. */
  async restore(): Promise<void> {
    for (const [key, value] of await this.storage.list(this.prefix)) {
      const name = key.slice(this.prefix.length);
      if (!this.#writes.has(name)) this.#writes.set(name, value as Write);
    }
    this.flush();
  }

  /** Replaces what waits under the name. */
  put(name: string, write: Write): void {
    this.#writes.set(name, write);
    void this.storage.write([this.prefix + name, write]);
    void this.#send(name);
  }

  has(name: string): boolean {
    return this.#writes.has(name);
  }

  /** Takes back what was not sent yet. */
  drop(name: string): void {
    if (this.#writes.delete(name)) void this.storage.write([this.prefix + name, undefined]);
  }

  /** There is a connection again. */
  flush(): void {
    for (const name of this.#writes.keys()) void this.#send(name);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #send(name: string): Promise<void> {
    const write = this.#writes.get(name);
    if (!write || this.#closed || this.#sending.has(name)) return;
    this.#sending.add(name);
    try {
      await this.send(write);
      this.#backoff.resetAfter(Infinity);
    } catch (error) {
      const refusal = asApiError(error);
      if (!refusal.is_final) {
        this.#flushLater(refusal.wait_ms);
        return;
      }
    } finally {
      this.#sending.delete(name);
    }
    if (this.#writes.get(name) === write) {
      this.#writes.delete(name);
      await this.storage.write([this.prefix + name, undefined]);
    } else {
      await this.#send(name); // there is a newer one
    }
  }

  #flushLater(least_ms: number): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.flush();
      },
      Math.max(least_ms, this.#backoff.next()),
    );
  }
}

export function draftName(room: string, thread: number): string {
  return `draft/${room}/${String(thread)}`;
}
