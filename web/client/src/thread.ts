import type { Observable } from "./observable.js";
import type { Timeline } from "./timeline.js";
import type { ThreadState, TimelineMessage } from "./types.js";

/** A thread of a room, which has to be open. */
export interface Thread {
  readonly root: Observable<TimelineMessage | undefined>;
  /** Whether the user follows the thread, and what is unread in it. */
  readonly state: Observable<ThreadState | undefined>;
  timeline(): Timeline;
  follow(): Promise<void>;
  unfollow(): Promise<void>;
  read(seq: number): Promise<void>;
}
