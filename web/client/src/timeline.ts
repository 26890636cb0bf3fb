import type { Observable } from "./observable.js";
import type { TimelineMessage } from "./types.js";

/**
 * A window of the messages of a room or a thread, in order, and after them what waits to be sent
 * while the window reaches the end. Loading more at one side may drop messages at the other, once
 * the window has more than `max_items`.
 */
export interface Timeline {
  readonly items: Observable<readonly TimelineMessage[]>;
  /** The window begins with the first message that there is. */
  readonly at_start: Observable<boolean>;
  /** The window ends with the last message that there is, and new ones are added to it. */
  readonly at_end: Observable<boolean>;
  readonly loading: Observable<boolean>;
  /** Why nothing could be loaded; null once something was. */
  readonly error: Observable<Error | null>;
  /** Concurrent calls share one request. They throw ApiError. */
  loadBefore(): Promise<void>;
  loadAfter(): Promise<void>;
  /** A window around a message. */
  jumpTo(seq: number): Promise<void>;
  jumpToEnd(): Promise<void>;
  /** Ends the work for this window. */
  close(): void;
}
