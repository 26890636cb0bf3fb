import type { TimelineMessage } from "chat-client";
import { startOfDay } from "../i18n/dates";

export type Row =
  | { readonly kind: "start"; readonly key: string }
  | { readonly kind: "day"; readonly key: string; readonly at: number }
  | { readonly kind: "new"; readonly key: string }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly message: TimelineMessage;
      /** The first of a group: with picture and name. */
      readonly first: boolean;
      readonly at: number;
    };

const GROUP_MS = 5 * 60_000;
export const NEW_KEY = "new";

export interface RowOptions {
  readonly messages: readonly TimelineMessage[];
  readonly atStart: boolean;
  /** The read marker when the room was opened; null: no line. */
  readonly unreadAfter: number | null;
  readonly me: string;
  /** A day that needs no line: that of a thread's root. */
  readonly knownDay?: number;
}

/** The rows of a timeline. Rows that stay the same stay the same objects, so that they are not
 * rendered again. */
export class RowBuilder {
  #rows = new Map<string, Row>();

  build({ messages, atStart, unreadAfter, me, knownDay }: RowOptions): Row[] {
    const rows: Row[] = [];
    const next = new Map<string, Row>();
    const add = (row: Row): void => {
      const before = this.#rows.get(row.key);
      const kept = before !== undefined && sameRow(before, row) ? before : row;
      rows.push(kept);
      next.set(row.key, kept);
    };
    if (atStart) add({ kind: "start", key: "start" });
    let previous: TimelineMessage | undefined;
    let day = knownDay ?? Number.NaN;
    let marked = unreadAfter === null;
    for (const message of messages) {
      const at = Date.parse(message.at);
      let first = previous === undefined || !continues(previous, message, at);
      if (!(at >= day && at < day + 86_400_000)) {
        const start = startOfDay(at);
        if (start !== day) {
          day = start;
          first = true;
          add({ kind: "day", key: `day ${start}`, at });
        }
      }
      if (!marked && isUnread(message, unreadAfter ?? 0, me)) {
        marked = true;
        first = true;
        add({ kind: "new", key: NEW_KEY });
      }
      add({ kind: "message", key: message.key, message, first, at });
      previous = message;
    }
    this.#rows = next;
    return rows;
  }
}

const isUnread = (message: TimelineMessage, after: number, me: string): boolean =>
  message.seq > after && message.sender !== me && !message.deletion;

function continues(previous: TimelineMessage, message: TimelineMessage, at: number): boolean {
  return (
    previous.sender === message.sender &&
    message.reply_to == null &&
    !message.forwarded &&
    Math.abs(at - Date.parse(previous.at)) < GROUP_MS
  );
}

function sameRow(one: Row, two: Row): boolean {
  if (one.kind === "message" && two.kind === "message") {
    return one.message === two.message && one.first === two.first;
  }
  return one.kind === two.kind && (one.kind !== "day" || two.kind !== "day" || one.at === two.at);
}
