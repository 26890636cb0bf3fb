/** Profiles by id: read in batches, replaced by `user.changed`, and stored for the next start. */

import type { Api } from "./api.js";
import { Backoff } from "./backoff.js";
import { asApiError } from "./errors.js";
import { type Observable, Value } from "./observable.js";
import type { SafeStorage } from "./safe_storage.js";
import { Debounce } from "./timers.js";
import type { User } from "./types.js";

const MAX_BATCH = 100;
const BATCH_DELAY_MS = 10;
const STORE_DELAY_MS = 2000;
const MAX_STORED = 1000;

export class UserDirectory {
  readonly #users = new Map<string, Value<User | undefined>>();
  readonly #wanted = new Set<string>();
  readonly #backoff = new Backoff();
  readonly #storing = new Debounce(STORE_DELAY_MS, () => {
    const users = [...this.#users.values()].flatMap((user) => user.get() ?? []);
    void this.storage.write([this.key, users.slice(-MAX_STORED)]);
  });
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly api: Api,
    private readonly storage: SafeStorage,
    private readonly key: string,
  ) {}

  async restore(): Promise<void> {
    const users = ((await this.storage.get(this.key)) ?? []) as User[];
    for (const user of users) {
      const known = this.#users.get(user.id);
      if (!known) this.#users.set(user.id, new Value<User | undefined>(user));
      else if (!known.get()) known.set(user);
    }
  }

  get(id: string): Observable<User | undefined> {
    const known = this.#users.get(id);
    if (known) return known;
    const user = new Value<User | undefined>(undefined);
    this.#users.set(id, user);
    this.#want(id);
    return user;
  }

  put(user: User): void {
    const known = this.#users.get(user.id);
    if (known) known.set(user);
    else this.#users.set(user.id, new Value<User | undefined>(user));
    this.#storing.call();
  }

  /** Changes may have been missed: the profiles that somebody looks at are read again. */
  reload(): void {
    for (const [id, user] of this.#users) if (user.observed || !user.get()) this.#want(id);
  }

  /** Stores now what is to be stored later. */
  flush(): void {
    this.#storing.flush();
  }

  close(): void {
    this.flush();
    clearTimeout(this.#timer);
    this.#storing.cancel();
  }

  #want(id: string): void {
    this.#wanted.add(id);
    this.#readSoon(BATCH_DELAY_MS);
  }

  #readSoon(delay_ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#read();
    }, delay_ms);
  }

  async #read(): Promise<void> {
    const ids = [...this.#wanted].slice(0, MAX_BATCH);
    if (ids.length === 0) return;
    for (const id of ids) this.#wanted.delete(id);
    try {
      const page = await this.api.get("/users", { query: { ids } });
      for (const user of page.items) this.put(user);
    } catch (error) {
      const refusal = asApiError(error);
      if (refusal.is_final) return;
      for (const id of ids) this.#wanted.add(id);
      this.#readSoon(Math.max(refusal.wait_ms, this.#backoff.next()));
      return;
    }
    this.#backoff.resetAfter(Infinity);
    if (this.#wanted.size > 0) this.#readSoon(BATCH_DELAY_MS);
  }
}
