/** A value that tells its listeners when it is replaced. Arrays and objects are never mutated. */
export interface Observable<T> {
  get(): T;
  /** `listener` is called after each change. Returns the function that ends the subscription. */
  subscribe(listener: (value: T) => void): () => void;
}

/** Called when the first listener comes; returns what is called after the last one has left. */
export type Activation = () => (() => void) | undefined;

/** An observable that its owner sets. A listener that throws does not stop the others. */
export class Value<T> implements Observable<T> {
  readonly #listeners = new Set<(value: T) => void>();
  readonly #activate: Activation | undefined;
  #deactivate: (() => void) | undefined;
  #value: T;

  constructor(value: T, activate?: Activation) {
    this.#value = value;
    this.#activate = activate;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) callSafely(listener, value);
  }

  get observed(): boolean {
    return this.#listeners.size > 0;
  }

  subscribe(listener: (value: T) => void): () => void {
    const own = (value: T): void => {
      listener(value);
    };
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.#deactivate = this.#activate?.();
    return () => {
      if (!this.#listeners.delete(own) || this.#listeners.size > 0) return;
      this.#deactivate?.();
      this.#deactivate = undefined;
    };
  }
}

/** The first value for which `accept` is true: the present one, or a later one. */
export function waitFor<T, S extends T>(
  observable: Observable<T>,
  accept: (value: T) => value is S,
): Promise<S>;
export function waitFor<T>(observable: Observable<T>, accept: (value: T) => boolean): Promise<T>;
export function waitFor<T>(observable: Observable<T>, accept: (value: T) => boolean): Promise<T> {
  const now = observable.get();
  if (accept(now)) return Promise.resolve(now);
  return new Promise((resolve) => {
    const stop = observable.subscribe((value) => {
      if (!accept(value)) return;
      stop();
      resolve(value);
    });
  });
}

/** Errors of a callback are reported like those of an event listener, and stop nothing. */
export function callSafely<T>(callback: (value: T) => void, value: T): void {
  try {
    callback(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
