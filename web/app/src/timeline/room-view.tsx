import { useEffect, useMemo, useRef } from "preact/hooks";
import { Hash, Lock, MessagesSquare } from "lucide-preact";
import type { RoomEntry } from "chat-client";
import { Composer } from "../composer/composer";
import { t } from "../i18n";
import { makePlace, PlaceProvider } from "../message/context";
import { route, visit } from "../router";
import { chat, myId, roomEntry, rooms } from "../state/chat";
import { complain } from "../state/errors";
import { live } from "../state/live";
import { isPeople, roomName } from "../state/people";
import { Empty, Skeleton } from "../ui/states";
import { Conversation } from "./conversation";
import { RoomHeader } from "./room-header";
import { NoSuchRoom } from "./no-such-room";
import { NEW_KEY } from "./rows";
import type { ScrollerHandle } from "./scroller";
import { useJump } from "./use-jump";
import { useSettled } from "./use-settled";
import { useReadMarker } from "./use-read-marker";

/** A room: its messages from the first unread one on, and where one writes. */
export function RoomView({ id }: { id: string }) {
  const entry = roomEntry(id);
  const room = useMemo(() => chat.room(id), [id]);
  const state = live(room.state).value;
  useEffect(() => room.open(), [room]);
  const settled = useSettled(room);
  if (entry === undefined) {
    const unknown = rooms.value.length === 0 && state !== "gone";
    return (
      <section class="main">
        {unknown ? <Skeleton shape="messages" count={6} /> : <NoSuchRoom id={id} />}
      </section>
    );
  }
  if (!settled) {
    return (
      <section class="main">
        <RoomHeader entry={entry} />
        <Skeleton shape="messages" count={6} />
      </section>
    );
  }
  return <OpenRoom key={id} id={id} entry={entry} />;
}

function OpenRoom({ id, entry }: { id: string; entry: RoomEntry }) {
  const room = chat.room(id);
  const timeline = useMemo(() => room.timeline(), [room]);
  useEffect(() => () => timeline.close(), [timeline]);
  const scroller = useRef<ScrollerHandle>(null);
  const focus = useRef<() => void>(() => undefined);
  const unreadAfter = useMemo(() => ((entry.unread ?? 0) > 0 ? (entry.read_seq ?? 0) : null), [id]);
  const jump = useJump(timeline, scroller);
  const place = useMemo(
    () =>
      makePlace(room, null, {
        jump: (seq) => void jump(seq),
        focusComposer: () => focus.current(),
      }),
    [room],
  );
  jump.highlight.current = place.highlighted;
  const { message } = route.value;
  const arrival = visit.value;
  useEffect(() => {
    if (message !== null && route.peek().thread === null) void jump(message);
    else if (unreadAfter !== null) void timeline.jumpTo(unreadAfter + 1).catch(complain);
    else void timeline.jumpToEnd().catch(() => undefined); // offline: what is stored is shown
  }, [id, message, message === null ? 0 : arrival]);
  const seen = useReadMarker(room, entry);
  const name = roomName(entry);
  const editLast = (): void => {
    const last = timeline.items
      .get()
      .findLast(
        (item) => item.sender === myId.peek() && !item.deletion && !item.poll && item.seq > 0,
      );
    if (last !== undefined) place.editing.value = last.key;
  };
  return (
    <PlaceProvider value={place}>
      <section class="main" aria-label={name}>
        <RoomHeader entry={entry} />
        <Conversation
          timeline={timeline}
          unreadAfter={unreadAfter}
          initial={unreadAfter === null ? "end" : { key: NEW_KEY, at: "third" }}
          label={t("messages_in", { room: name })}
          handle={scroller}
          onSeen={seen}
          beginning={<Beginning entry={entry} name={name} />}
        />
        <Composer
          onReady={(run) => {
            focus.current = run;
            if (!matchMedia("(pointer: coarse)").matches) run();
          }}
          onEditLast={editLast}
          onSent={() => {
            if (timeline.at_end.get()) scroller.current?.show("end");
            else void timeline.jumpToEnd().then(() => scroller.current?.show("end"), complain);
          }}
        />
      </section>
    </PlaceProvider>
  );
}

function Beginning({ entry, name }: { entry: RoomEntry; name: string }) {
  const people = isPeople(entry);
  return (
    <Empty
      level={2}
      icon={people ? MessagesSquare : entry.kind === "private" ? Lock : Hash}
      title={people ? name : t("beginning_of", { room: name })}
      text={people ? t("beginning_people") : entry.topic || t("beginning_room")}
    />
  );
}
