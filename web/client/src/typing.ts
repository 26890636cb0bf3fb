/** Who is typing in a room, and that the user is. */

import { Value } from "./observable.js";

const INTERVAL_MS = 3000;

export class Typists {
  readonly value = new Value<readonly string[]>([]);
  #told_at = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  onFrame(users: readonly string[], ttl_ms: number): void {
    clearTimeout(this.#timer);
    this.#set(users);
    this.#timer = setTimeout(() => {
      this.#set([]);
    }, ttl_ms);
  }

  /** Who has sent a message is not typing it any more. */
  onMessage(sender: string): void {
    const users = this.value.get();
    if (users.includes(sender)) this.#set(users.filter((user) => user !== sender));
  }

  /** Whether it is time to tell the others that the user is typing. */
  isDue(now: number): boolean {
    if (now - this.#told_at < INTERVAL_MS) return false;
    this.#told_at = now;
    return true;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#set([]);
  }

  #set(users: readonly string[]): void {
    if (users.length > 0 || this.value.get().length > 0) this.value.set(users);
  }
}
