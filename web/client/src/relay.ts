/** Observables that go on while what they show is replaced. */

import { type Observable, Value } from "./observable.js";

/** The value of the present source; `empty` while there is none. */
export class Relay<S, T> implements Observable<T> {
  readonly #value: Value<T>;
  #source: Observable<T> | undefined;
  #stop: (() => void) | undefined;

  constructor(
    private readonly select: (source: S) => Observable<T>,
    private readonly empty: T,
  ) {
    this.#value = new Value<T>(empty, () => {
      this.#follow();
      return () => {
        this.#stop?.();
        this.#stop = undefined;
      };
    });
  }

  get(): T {
    return this.#source ? this.#source.get() : this.empty;
  }

  subscribe(listener: (value: T) => void): () => void {
    return this.#value.subscribe(listener);
  }

  setSource(source: S | undefined): void {
    this.#source = source === undefined ? undefined : this.select(source);
    if (this.#value.observed) this.#follow();
    this.#value.set(this.get());
  }

  #follow(): void {
    this.#stop?.();
    this.#stop = this.#source?.subscribe((value) => {
      this.#value.set(value);
    });
    this.#value.set(this.get());
  }
}
