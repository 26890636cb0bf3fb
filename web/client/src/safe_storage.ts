import { Value } from "./observable.js";
import type { Storage } from "./storage/storage.js";
import type { StorageState } from "./types.js";

/** A storage that does not answer counts as one that fails. */
const TIMEOUT_MS = 5000;

type Change = readonly [key: string, value: unknown];

/**
 * Writes in order, one after the other. What could not be written stays in memory, is read from
 * there, and is written together with what comes next: no write is lost while the program runs.
 */
export class SafeStorage {
  readonly state = new Value<StorageState>({ state: "ok" });
  readonly #storage: Storage;
  readonly #unwritten = new Map<string, unknown>();
  #writing: Promise<void> = Promise.resolve();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  async get(key: string): Promise<unknown> {
    if (this.#unwritten.has(key)) return this.#unwritten.get(key);
    try {
      return await inTime(this.#storage.get(key));
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** All entries whose key begins with `prefix`, by key. */
  async list(prefix: string): Promise<[key: string, value: unknown][]> {
    const entries = new Map<string, unknown>();
    try {
      for (const [key, value] of await inTime(this.#storage.list(prefix))) entries.set(key, value);
    } catch (error) {
      this.#fail(error);
    }
    for (const [key, value] of this.#unwritten) if (key.startsWith(prefix)) entries.set(key, value);
    return [...entries]
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Resolves when the changes are stored, or when that has failed and memory has them. */
  write(...changes: Change[]): Promise<void> {
    for (const [key, value] of changes) this.#unwritten.set(key, value);
    this.#writing = this.#writing.then(() => this.#flush());
    return this.#writing;
  }

  async clear(prefix: string): Promise<void> {
    const entries = await this.list(prefix);
    await this.write(...entries.map(([key]) => [key, undefined] as const));
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#storage.close?.();
  }

  async #flush(): Promise<void> {
    const changes = [...this.#unwritten];
    if (changes.length === 0) return;
    try {
      await inTime(this.#storage.write(changes));
    } catch (error) {
      this.#fail(error);
      return;
    }
    for (const [key, value] of changes) {
      if (this.#unwritten.get(key) === value) this.#unwritten.delete(key);
    }
    if (this.state.get().state !== "ok") this.state.set({ state: "ok" });
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const detail = `This device cannot store anything (${reason}). What you write is kept only while this page is open.`;
    if (this.state.get().detail !== detail) this.state.set({ state: "failing", detail });
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error("it does not answer"));
    }, TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
