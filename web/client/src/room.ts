import type { Observable } from "./observable.js";
import type { Thread } from "./thread.js";
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
  VoteResult,
} from "./types.js";

/** A room of the user. All methods that ask the server throw ApiError. */
export interface Room {
  readonly id: string;
  readonly state: Observable<RoomState>;
  /** The entry in the list of rooms; undefined if the user is no member. */
  readonly entry: Observable<RoomEntry | undefined>;
  /** Users who are typing, without the user. */
  readonly typists: Observable<readonly string[]>;
  /** The read markers of other members that have moved while the room was open. */
  readonly readers: Observable<ReadonlyMap<string, number>>;
  /** Follows the room's log until the returned function is called; counted. */
  open(): () => void;
  /** Each event of the log, once and in order, while the room is open. */
  onEvent(listener: (event: RoomEvent) => void): () => void;
  /** One window, the same for all callers, until `close` of it. */
  timeline(): Timeline;
  thread(seq: number): Thread;
  /**
   * Puts the message into the outbox, which keeps it over reloads and sends it exactly once.
   * Resolves when it is committed. Rejects with ApiError if the server refuses it for good; then
   * it stays in the timeline as `failed` until `retry` or `drop`.
   */
  send(message: NewMessage | string): Promise<Message>;
  /** Sends a failed message again, with another text if there is one. */
  retry(nonce: string, text?: string): Promise<Message>;
  /** Takes a message out of the outbox. False if it is being sent or was sent already. */
  drop(nonce: string): Promise<boolean>;
  /** `version` is the one that the user has edited: 1, or that of the message's `edit`. */
  edit(seq: number, text: string, version: number): Promise<Message>;
  delete(seq: number): Promise<void>;
  react(seq: number, emoji: string): Promise<void>;
  unreact(seq: number, emoji: string): Promise<void>;
  pin(seq: number): Promise<void>;
  unpin(seq: number): Promise<void>;
  vote(seq: number, options: number[]): Promise<VoteResult>;
  /** Done at once in the list of rooms, and on the server as soon as there is one. */
  markRead(seq: number): void;
  markUnread(seq: number): Promise<void>;
  /** Tells the others that the user is typing; call it for every key. */
  typing(): void;
  save(seq: number, note?: string): Promise<void>;
  unsave(seq: number): Promise<void>;
  /** Kept on this device at once, and on the server as soon as there is one; empty: none. */
  saveDraft(text: string, place?: { thread?: number; reply_to?: number }): void;
  schedule(message: NewMessage & { due_at: string }): Promise<Scheduled>;
  notificationSettings(): Promise<RoomNotifications>;
  setNotificationSettings(settings: SetRoomNotifications): Promise<RoomNotifications>;
  /** Why the message notifies the user, or does not. */
  explain(seq: number): Promise<Decision>;
}
