import type { Api } from "./api.js";
import { asApiError } from "./errors.js";
import type { PendingMessages } from "./message_window.js";
import { MessageWindow } from "./message_window.js";
import { Value } from "./observable.js";
import type { RoomLog } from "./room_log.js";
import type { Thread } from "./thread.js";
import type { Timeline } from "./timeline.js";
import { Debounce } from "./timers.js";
import type { Message, RoomEvent, ThreadState, TimelineMessage } from "./types.js";

const RELOAD_DELAY_MS = 300;

/** The root is that of the room's messages, or else that of the thread's state. */
export class ThreadHandle implements Thread {
  readonly root = new Value<TimelineMessage | undefined>(undefined);
  readonly state: Value<ThreadState | undefined>;
  readonly #reloading = new Debounce(RELOAD_DELAY_MS, () => {
    void this.#read();
  });
  #window: MessageWindow | undefined;

  constructor(
    private readonly log: RoomLog,
    private readonly seq: number,
    private readonly api: Api,
    private readonly pending: PendingMessages,
  ) {
    this.state = new Value<ThreadState | undefined>(undefined, () => {
      this.#reloading.call();
      return undefined;
    });
    log.changes.add(this.#updateRoot);
    log.listeners.add(this.#onEvent);
    this.#updateRoot();
    this.#reloading.call();
  }

  timeline(): Timeline {
    this.#window ??= new MessageWindow(this.log, this.seq, this.pending, () => {
      this.#window = undefined;
    });
    return this.#window;
  }

  async follow(): Promise<void> {
    await this.api.put("/rooms/{room_id}/threads/{seq}/follow", { path: this.#path });
    this.reload();
  }

  async unfollow(): Promise<void> {
    await this.api.delete("/rooms/{room_id}/threads/{seq}/follow", { path: this.#path });
    this.reload();
  }

  async read(seq: number): Promise<void> {
    const request = { path: this.#path, body: { seq } };
    await this.api.put("/rooms/{room_id}/threads/{seq}/read", request);
    this.reload();
  }

  reload(): void {
    this.#reloading.call();
  }

  onOutbox(): void {
    this.#window?.schedule();
  }

  close(): void {
    this.log.changes.delete(this.#updateRoot);
    this.log.listeners.delete(this.#onEvent);
    this.#reloading.cancel();
    this.#window?.close();
  }

  get #path() {
    return { room_id: this.log.id, seq: this.seq };
  }

  readonly #updateRoot = (): void => {
    const root = this.log.store.get(this.seq);
    if (root) this.root.set(root);
  };

  readonly #onEvent = (event: RoomEvent): void => {
    if (!("message" in event)) return;
    const message = event.message as Message;
    if (message.thread === this.seq || message.seq === this.seq) this.reload();
  };

  async #read(): Promise<void> {
    try {
      const state = await this.api.get("/rooms/{room_id}/threads/{seq}", {
        path: this.#path,
      });
      this.state.set(state);
      if (!this.log.store.get(this.seq)) this.root.set(this.log.store.showAlone(state.root));
    } catch (error) {
      asApiError(error); // read again with the next change
    }
  }
}
