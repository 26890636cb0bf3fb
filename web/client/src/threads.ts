/** The threads that the user follows, read from the server while somebody looks at them. */

import type { Api } from "./api.js";
import { asApiError } from "./errors.js";
import { Value } from "./observable.js";
import { Debounce } from "./timers.js";
import type { FollowedThread, RoomList } from "./types.js";

const RELOAD_DELAY_MS = 500;
const MAX_THREADS = 50;

export class FollowedThreads {
  readonly value: Value<readonly FollowedThread[]>;
  readonly #reloading = new Debounce(RELOAD_DELAY_MS, () => {
    void this.#read();
  });

  constructor(private readonly api: Api) {
    this.value = new Value<readonly FollowedThread[]>([], () => {
      this.#reloading.call();
      return undefined;
    });
  }

  /** Entries come when the user follows another thread, or has read one. */
  onRooms(frame: RoomList): void {
    if (frame.rooms.some((entry) => entry.unread_threads !== undefined) || !frame.full) {
      this.reload();
    }
  }

  reload(): void {
    if (this.value.observed) this.#reloading.call();
  }

  close(): void {
    this.#reloading.cancel();
  }

  async #read(): Promise<void> {
    try {
      const page = await this.api.get("/users/me/threads", { query: { limit: MAX_THREADS } });
      this.value.set(page.items);
    } catch (error) {
      asApiError(error); // read again with the next change, or after the next connection
    }
  }
}
