import { useComputed, useSignal } from "@preact/signals";
import type { Timeline, TimelineMessage } from "chat-client";
import type { ComponentChildren, RefObject } from "preact";
import { useCallback, useMemo, useRef } from "preact/hooks";
import { plural, t } from "../i18n";
import { formatDay } from "../i18n/dates";
import { runKey } from "../message/actions";
import { usePlace } from "../message/context";
import { MessageRow } from "../message/row";
import { myId } from "../state/chat";
import { complain } from "../state/errors";
import { live } from "../state/live";
import { Skeleton } from "../ui/states";
import { Announcer } from "./announcer";
import { DayLine, NewLine } from "./lines";
import { moveAmongMessages } from "./keys";
import { estimateHeight, stickyAt } from "./row-facts";
import { RowBuilder, type Row } from "./rows";
import type { Target, View } from "./scroll-model";
import { Scroller, type ScrollerHandle } from "./scroller";
import "./timeline.css";

interface Properties {
  readonly timeline: Timeline;
  /** The read marker when the room was opened; null: no line for what is new. */
  readonly unreadAfter: number | null;
  readonly initial: Target;
  readonly label: string;
  readonly handle: RefObject<ScrollerHandle>;
  /** Called with the last message that was in view. */
  readonly onSeen: (seq: number) => void;
  /** What stands before the first message. */
  readonly beginning: ComponentChildren;
  readonly knownDay?: number | undefined;
}

const NEAR = 1.5; // heights of the view before an end at which more is loaded

/** The messages of a room or a thread, as far as they are loaded. */
export function Conversation({
  timeline,
  unreadAfter,
  initial,
  label,
  handle,
  onSeen,
  beginning,
  knownDay,
}: Properties) {
  const place = usePlace();
  const messages = live(timeline.items).value;
  const atStart = live(timeline.at_start).value;
  const loading = live(timeline.loading).value;
  const builder = useMemo(() => new RowBuilder(), [timeline]);
  const rows = useMemo(
    () =>
      builder.build({
        messages,
        atStart,
        unreadAfter,
        me: myId.peek(),
        ...(knownDay === undefined ? {} : { knownDay }),
      }),
    [messages, atStart, unreadAfter, knownDay],
  );
  const kinds = useRef(new Map<string, Row>());
  kinds.current = useMemo(() => new Map(rows.map((row) => [row.key, row])), [rows]);
  const top = useSignal(0);
  const atEnd = useSignal(true);
  const seen = useSignal(0);
  const newest = messages.findLast((message) => message.seq > 0)?.seq ?? 0;

  const view = useCallback(
    (now: View) => {
      top.value = now.first;
      atEnd.value = now.atEnd && timeline.at_end.get();
      if (now.before < NEAR && !timeline.at_start.get()) timeline.loadBefore().catch(ignoreOffline);
      if (now.after < NEAR && !timeline.at_end.get()) timeline.loadAfter().catch(ignoreOffline);
      for (let index = Math.min(now.last, rowsRef.current.length - 1); index >= 0; index -= 1) {
        const row = rowsRef.current[index];
        if (row?.kind !== "message" || row.message.seq === 0) continue;
        if (row.message.seq > seen.peek()) seen.value = row.message.seq;
        onSeen(row.message.seq);
        break;
      }
    },
    [timeline],
  );
  const rowsRef = useRef<readonly Row[]>(rows);
  rowsRef.current = rows;

  const unseen = useComputed(() => {
    if (atEnd.value) return 0;
    return live(timeline.items).value.filter(
      (message) => message.seq > seen.value && message.sender !== myId.value,
    ).length;
  });
  const toEnd = (): void => {
    void timeline.jumpToEnd().then(() => handle.current?.show("end"), complain);
  };
  const renderRow = (index: number): ComponentChildren => {
    const row = rows[index];
    if (row === undefined) return null;
    if (row.kind === "message")
      return <MessageRow message={row.message} first={row.first} at={row.at} />;
    if (row.kind === "day") return <DayLine at={row.at} />;
    return row.kind === "new" ? <NewLine /> : beginning;
  };
  const focused = (): TimelineMessage | undefined => {
    const row = kinds.current.get(place.active.peek() ?? "");
    return row?.kind === "message" ? row.message : undefined;
  };

  if (messages.length === 0 && !atStart) {
    return (
      <div class="timeline">
        {loading ? <Skeleton shape="messages" count={6} /> : <LoadFailed timeline={timeline} />}
      </div>
    );
  }
  const sticky = stickyAt(rows, top.value);
  return (
    <div class="timeline">
      {sticky.day !== null && (
        <div class="sticky-day" aria-hidden="true">
          <span>{formatDay(sticky.day)}</span>
          {sticky.isNew && <span class="sticky-new">{t("new_line")}</span>}
        </div>
      )}
      <Scroller
        rows={rows}
        estimate={(key) => estimateHeight(kinds.current.get(key))}
        renderRow={renderRow}
        initial={initial}
        onView={view}
        handle={handle}
        attributes={{
          role: "log",
          "aria-label": label,
          "aria-live": "off",
          onKeyDown: (event: KeyboardEvent) => {
            if (moveAmongMessages(event)) return;
            const message = focused();
            const plain =
              !event.ctrlKey &&
              !event.metaKey &&
              !event.altKey &&
              event.target instanceof HTMLElement &&
              event.target.matches("article");
            if (message && plain && runKey(event.key, place, message)) event.preventDefault();
          },
        }}
      />
      {!atEnd.value && (
        <button type="button" class="to-end" data-count={unseen.value} onClick={toEnd}>
          {unseen.value > 0 ? plural("new_below", unseen.value) : t("to_newest")}
        </button>
      )}
      <Announcer timeline={timeline} newest={newest} />
    </div>
  );
}

function LoadFailed({ timeline }: { timeline: Timeline }) {
  if (live(timeline.error).value === null) return null;
  return (
    <p class="timeline-failed" role="status">
      {t("messages_not_loaded")}{" "}
      <button type="button" onClick={() => void timeline.loadBefore().catch(complain)}>
        {t("try_again")}
      </button>
    </p>
  );
}

/** Being offline is shown above the composer. */
function ignoreOffline(): void {
  return undefined;
}
