/** Pauses in ms. */
export interface BackoffOptions {
  initial_ms?: number;
  max_ms?: number;
  stable_ms?: number;
  random?: () => number;
}

/**
 * A random pause up to a ceiling that doubles with every attempt, so that a thousand clients that
 * lost the same server do not reconnect at once. Only a connection that lasted `stable_ms` resets
 * the ceiling: otherwise a server that accepts sockets and drops them would be dialled at the pace
 * of the first attempt for ever.
 */
export class Backoff {
  readonly #initial_ms: number;
  readonly #max_ms: number;
  readonly #stable_ms: number;
  readonly #random: () => number;
  #attempts = 0;

  constructor(options: BackoffOptions = {}) {
    this.#initial_ms = options.initial_ms ?? 500;
    this.#max_ms = options.max_ms ?? 30_000;
    this.#stable_ms = options.stable_ms ?? 60_000;
    this.#random = options.random ?? Math.random;
  }

  next(): number {
    const ceiling = Math.min(this.#max_ms, this.#initial_ms * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return this.#random() * ceiling;
  }

  /** Resets if the last connection lasted long enough; returns whether it did. */
  resetAfter(duration_ms: number): boolean {
    if (duration_ms < this.#stable_ms) return false;
    this.#attempts = 0;
    return true;
  }
}
