import type { Api } from "./api.js";
import type { ItemStore } from "./items.js";
import type { Link } from "./link.js";
import { ROOM_STREAM, type Stream } from "./message_store.js";
import { MessageWindow } from "./message_window.js";
import { type Observable, Value } from "./observable.js";
import type { Outbox } from "./outbox.js";
import { draftName, type PendingWrites } from "./pending_writes.js";
import type { Room } from "./room.js";
import type { RoomList } from "./room_list.js";
import type { RoomLog } from "./room_log.js";
import { ThreadHandle } from "./thread_handle.js";
import type { FollowedThreads } from "./threads.js";
import type { Timeline } from "./timeline.js";
import type {
  Decision,
  Message,
  NewMessage,
  RoomEntry,
  RoomEvent,
  RoomNotifications,
  RoomState,
  Scheduled,
  SetRoomNotifications,
  TimelineMessage,
  VoteResult,
} from "./types.js";
import { Typists } from "./typing.js";

export interface RoomContext {
  readonly api: Api;
  readonly list: RoomList;
  readonly items: ItemStore;
  readonly outbox: Outbox;
  readonly writes: PendingWrites;
  readonly link: Link;
  readonly threads: FollowedThreads;
}

export class RoomHandle implements Room {
  readonly id: string;
  readonly state: Observable<RoomState>;
  readonly entry: Observable<RoomEntry | undefined>;
  readonly readers = new Value<ReadonlyMap<string, number>>(new Map());
  readonly typing_users = new Typists();
  readonly #threads = new Map<number, ThreadHandle>();
  #window: MessageWindow | undefined;

  constructor(
    readonly log: RoomLog,
    private readonly context: RoomContext,
  ) {
    this.id = log.id;
    this.state = log.state;
    this.entry = context.list.entry(log.id);
    log.listeners.add((event) => {
      if (event.type === "message.created") this.typing_users.onMessage(event.message.sender);
    });
    log.changes.add(() => {
      context.outbox.onPosition(log.id, log.cursor.seq ?? 0);
    });
  }

  get typists(): Observable<readonly string[]> {
    return this.typing_users.value;
  }

  open(): () => void {
    return this.log.open();
  }

  onEvent(listener: (event: RoomEvent) => void): () => void {
    this.log.listeners.add(listener);
    return () => {
      this.log.listeners.delete(listener);
    };
  }

  timeline(): Timeline {
    this.#window ??= new MessageWindow(this.log, ROOM_STREAM, this.#pending, () => {
      this.#window = undefined;
    });
    return this.#window;
  }

  thread(seq: number): ThreadHandle {
    let thread = this.#threads.get(seq);
    if (!thread) {
      thread = new ThreadHandle(this.log, seq, this.context.api, this.#pending);
      this.#threads.set(seq, thread);
    }
    return thread;
  }

  send(message: NewMessage | string): Promise<Message> {
    return this.context.outbox.add(
      this.id,
      typeof message === "string" ? { text: message } : message,
    );
  }

  retry(nonce: string, text?: string): Promise<Message> {
    return this.context.outbox.retry(nonce, text);
  }

  drop(nonce: string): Promise<boolean> {
    return this.context.outbox.drop(nonce);
  }

  edit(seq: number, text: string, version: number): Promise<Message> {
    const request = { path: this.#message(seq), body: { text, version } };
    return this.context.api.patch("/rooms/{room_id}/messages/{seq}", request);
  }

  async delete(seq: number): Promise<void> {
    await this.context.api.delete("/rooms/{room_id}/messages/{seq}", {
      path: this.#message(seq),
    });
  }

  async react(seq: number, emoji: string): Promise<void> {
    const path = { ...this.#message(seq), emoji };
    await this.context.api.put("/rooms/{room_id}/messages/{seq}/reactions/{emoji}", { path });
  }

  async unreact(seq: number, emoji: string): Promise<void> {
    const path = { ...this.#message(seq), emoji };
    await this.context.api.delete("/rooms/{room_id}/messages/{seq}/reactions/{emoji}", {
      path,
    });
  }

  async pin(seq: number): Promise<void> {
    await this.context.api.put("/rooms/{room_id}/messages/{seq}/pin", {
      path: this.#message(seq),
    });
  }

  async unpin(seq: number): Promise<void> {
    const path = this.#message(seq);
    await this.context.api.delete("/rooms/{room_id}/messages/{seq}/pin", { path });
  }

  async vote(seq: number, options: number[]): Promise<VoteResult> {
    const request = { path: this.#message(seq), body: { options } };
    const result = await this.context.api.put("/rooms/{room_id}/messages/{seq}/vote", request);
    this.log.store.setVote(seq, result.options);
    return result;
  }

  markRead(seq: number): void {
    if (seq <= (this.entry.get()?.read_seq ?? 0)) return;
    this.context.list.markRead(this.id, seq);
    this.context.writes.put(`read/${this.id}`, {
      method: "put",
      path: "/rooms/{room_id}/read",
      request: { path: this.#path, body: { seq } },
    });
  }

  async markUnread(seq: number): Promise<void> {
    this.context.writes.drop(`read/${this.id}`);
    await this.context.api.post("/rooms/{room_id}/unread", { path: this.#path, body: { seq } });
  }

  typing(): void {
    if (this.typing_users.isDue(Date.now())) this.context.link.typing(this.id);
  }

  async save(seq: number, note = ""): Promise<void> {
    const request = { path: this.#message(seq), body: { note } };
    await this.context.api.put("/rooms/{room_id}/messages/{seq}/saved", request);
  }

  async unsave(seq: number): Promise<void> {
    const path = this.#message(seq);
    await this.context.api.delete("/rooms/{room_id}/messages/{seq}/saved", { path });
  }

  saveDraft(text: string, place: { thread?: number; reply_to?: number } = {}): void {
    const thread = place.thread ?? 0;
    const reply_to = place.reply_to ?? null;
    const updated_at = new Date().toISOString();
    const draft = { room: this.id, thread, text, reply_to, updated_at };
    this.context.items.setDraft(draft);
    this.context.writes.put(draftName(this.id, thread), {
      method: "put",
      path: "/rooms/{room_id}/draft",
      request: { path: this.#path, body: { text, reply_to, thread } },
    });
  }

  schedule(message: NewMessage & { due_at: string }): Promise<Scheduled> {
    const body = { ...message, nonce: crypto.randomUUID() };
    return this.context.api.post("/rooms/{room_id}/scheduled", { path: this.#path, body });
  }

  notificationSettings(): Promise<RoomNotifications> {
    return this.context.api.get("/rooms/{room_id}/notifications", { path: this.#path });
  }

  setNotificationSettings(settings: SetRoomNotifications): Promise<RoomNotifications> {
    const request = { path: this.#path, body: settings };
    return this.context.api.put("/rooms/{room_id}/notifications", request);
  }

  explain(seq: number): Promise<Decision> {
    const path = this.#message(seq);
    return this.context.api.get("/rooms/{room_id}/messages/{seq}/notification", { path });
  }

  /** A member's marker has moved. */
  onRead(user: string, seq: number): void {
    this.readers.set(new Map(this.readers.get()).set(user, seq));
  }

  onOutbox(): void {
    this.#window?.schedule();
    for (const thread of this.#threads.values()) thread.onOutbox();
  }

  /** The room's entry has come: the user is a member, and may have read a thread. */
  onEntry(): void {
    this.log.reopen();
    for (const thread of this.#threads.values()) if (thread.state.observed) thread.reload();
  }

  close(): void {
    this.log.close();
    this.typing_users.close();
    this.#window?.close();
    for (const thread of this.#threads.values()) thread.close();
  }

  get #path() {
    return { room_id: this.id };
  }

  #message(seq: number) {
    return { room_id: this.id, seq };
  }

  readonly #pending = (_log: RoomLog, stream: Stream): readonly TimelineMessage[] => {
    return this.context.outbox.pending(this.id).filter(({ thread, also_in_room }) => {
      if (stream !== ROOM_STREAM) return thread === stream;
      return thread == null || also_in_room === true;
    });
  };
}
