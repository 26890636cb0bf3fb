import type { Room, RoomEntry } from "chat-client";
import { useEffect, useRef } from "preact/hooks";

/** Moves the read marker to what was in view while the page was. What a person marks as unread stays
 * so until something newer is seen. */
export function useReadMarker(room: Room, entry: RoomEntry): (seq: number) => void {
  const seen = useRef(0);
  const sent = useRef(0);
  const marker = useRef(0);
  marker.current = entry.read_seq ?? 0;
  const mark = (): void => {
    const attentive = document.visibilityState === "visible" && document.hasFocus();
    if (!attentive || seen.current <= Math.max(marker.current, sent.current)) return;
    sent.current = seen.current;
    room.markRead(seen.current);
  };
  useEffect(() => {
    addEventListener("focus", mark);
    document.addEventListener("visibilitychange", mark);
    return () => {
      removeEventListener("focus", mark);
      document.removeEventListener("visibilitychange", mark);
    };
  }, [room]);
  return (seq) => {
    seen.current = seq;
    mark();
  };
}
