import type { Storage } from "./storage.js";

/** Forgets everything with the process. With a `scope`, clients in one process act as tabs. */
export class MemoryStorage implements Storage {
  readonly scope?: string;
  readonly #entries = new Map<string, unknown>();

  constructor(scope?: string) {
    if (scope !== undefined) this.scope = scope;
  }

  get(key: string): Promise<unknown> {
    return Promise.resolve(structuredClone(this.#entries.get(key)));
  }

  list(prefix: string): Promise<[string, unknown][]> {
    const entries = [...this.#entries].filter(([key]) => key.startsWith(prefix));
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return Promise.resolve(structuredClone(entries));
  }

  write(changes: readonly (readonly [string, unknown])[]): Promise<void> {
    for (const [key, value] of changes) {
      if (value === undefined) this.#entries.delete(key);
      else this.#entries.set(key, structuredClone(value));
    }
    return Promise.resolve();
  }
}
