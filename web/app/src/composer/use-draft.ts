import { useSignalEffect, type Signal } from "@preact/signals";
import type { Room } from "chat-client";
import { useEffect, useRef } from "preact/hooks";
import { draftOf } from "../state/items";

const PAUSE_MS = 600;

/** Keeps what is written. A draft that another device has changed replaces the text, unless this
 * device is writing. Returns the function to call with each new text. */
export function useDraft(
  room: Room,
  thread: number | null,
  text: Signal<string>,
): (text: string) => void {
  const timer = useRef(0);
  const last = useRef(text.peek());
  const place = thread === null ? {} : { thread };
  const flush = (): void => {
    clearTimeout(timer.current);
    timer.current = 0;
    if (text.peek() === last.current) return;
    last.current = text.peek();
    room.saveDraft(last.current, place);
  };
  useSignalEffect(() => {
    const kept = draftOf(room.id, thread);
    if (timer.current !== 0 || kept === last.current) return;
    last.current = kept;
    text.value = kept;
  });
  useEffect(() => {
    addEventListener("pagehide", flush);
    return () => {
      removeEventListener("pagehide", flush);
      flush();
    };
  }, []);
  return (next) => {
    clearTimeout(timer.current);
    if (next === "") {
      timer.current = 0;
      if (last.current !== "") room.saveDraft("", place);
      last.current = "";
    } else timer.current = window.setTimeout(flush, PAUSE_MS);
  };
}
