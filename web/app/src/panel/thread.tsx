import { Bell, BellOff, Lock, LockOpen } from "lucide-preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { Composer } from "../composer/composer";
import { plural, t } from "../i18n";
import { startOfDay } from "../i18n/dates";
import { makePlace, PlaceProvider } from "../message/context";
import { MessageRow } from "../message/row";
import { route, visit } from "../router";
import { chat, myId, roomEntry } from "../state/chat";
import { attempt, complain } from "../state/errors";
import { live } from "../state/live";
import { mayDeleteOthers } from "../state/permissions";
import { roomName } from "../state/people";
import { Conversation } from "../timeline/conversation";
import type { ScrollerHandle } from "../timeline/scroller";
import { useJump } from "../timeline/use-jump";
import { IconButton } from "../ui/button";
import { PanelFrame } from "./host";

/** A message and what was answered to it. */
export function ThreadPanel({ room: id, root: seq }: { room: string; root: number }) {
  const room = useMemo(() => chat.room(id), [id]);
  const thread = useMemo(() => room.thread(seq), [room, seq]);
  const timeline = useMemo(() => thread.timeline(), [thread]);
  useEffect(() => {
    const close = room.open();
    return () => {
      timeline.close();
      close();
    };
  }, [room, timeline]);
  const scroller = useRef<ScrollerHandle>(null);
  const focus = useRef<() => void>(() => undefined);
  const jump = useJump(timeline, scroller);
  const place = useMemo(
    () =>
      makePlace(room, seq, {
        jump: (target) => void jump(target),
        focusComposer: () => focus.current(),
      }),
    [room, seq],
  );
  jump.highlight.current = place.highlighted;
  const { message } = route.value;
  useEffect(() => {
    if (message !== null && message !== seq) void jump(message);
    else void timeline.jumpToEnd().catch(complain);
  }, [timeline, message, message === null ? 0 : visit.value]);
  const root = live(thread.root).value;
  const state = live(thread.state).value;
  const entry = roomEntry(id);
  const marker = useRef(0);
  const seen = (last: number): void => {
    const attentive = document.visibilityState === "visible" && document.hasFocus();
    if (!attentive || !state?.following || last <= Math.max(marker.current, state.read_seq)) return;
    marker.current = last;
    void thread.read(last).catch(() => (marker.current = 0)); // tried again at the next look
  };
  const locked = root?.thread_lock != null;
  const toggleLock = (): Promise<unknown> => {
    const path = { room_id: id, seq };
    return locked
      ? chat.api.delete("/rooms/{room_id}/threads/{seq}/lock", { path })
      : chat.api.put("/rooms/{room_id}/threads/{seq}/lock", { path });
  };
  const following = state?.following ?? false;
  return (
    <PlaceProvider value={place}>
      <PanelFrame
        title={t("thread")}
        subtitle={entry && roomName(entry)}
        actions={
          <>
            {entry !== undefined && mayDeleteOthers(entry) && !entry.archived && (
              <IconButton
                icon={locked ? Lock : LockOpen}
                label={locked ? t("unlock_thread") : t("lock_thread")}
                aria-pressed={locked}
                disabled={root === undefined}
                onClick={() => void attempt(toggleLock)}
              />
            )}
            <IconButton
              icon={following ? Bell : BellOff}
              label={following ? t("unfollow_thread") : t("follow_thread")}
              aria-pressed={following}
              disabled={state === undefined}
              onClick={() => void attempt(() => (following ? thread.unfollow() : thread.follow()))}
            />
          </>
        }
      >
        <Conversation
          timeline={timeline}
          unreadAfter={null}
          initial="end"
          label={t("thread")}
          handle={scroller}
          onSeen={seen}
          knownDay={root && startOfDay(Date.parse(root.at))}
          beginning={
            <>
              {root !== undefined && <MessageRow message={root} first at={Date.parse(root.at)} />}
              <p class="rule">{plural("replies", root?.thread_summary?.replies ?? 0)}</p>
            </>
          }
        />
        <Composer
          onReady={(run) => {
            focus.current = run;
            if (!matchMedia("(pointer: coarse)").matches) run();
          }}
          onEditLast={() => {
            const last = timeline.items
              .get()
              .findLast((item) => item.sender === myId.peek() && item.seq > 0 && !item.deletion);
            if (last !== undefined) place.editing.value = last.key;
          }}
          onSent={() => scroller.current?.show("end")}
          lock={root?.thread_lock}
        />
      </PanelFrame>
    </PlaceProvider>
  );
}
