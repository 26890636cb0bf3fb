import type { RefObject } from "preact";
import type { TextBoxHandle } from "./text-box";

const boxes = new Map<string, RefObject<TextBoxHandle>>();

const keyOf = (room: string, thread: number | null): string => `${room} ${thread ?? ""}`;

/** Lets other parts of the page write into the text box of a room or a thread. Returns how to end
 * that. */
export function registerBox(
  room: string,
  thread: number | null,
  box: RefObject<TextBoxHandle>,
): () => void {
  const key = keyOf(room, thread);
  boxes.set(key, box);
  return () => {
    if (boxes.get(key) === box) boxes.delete(key);
  };
}

/** The text box that is shown for a room or a thread, if one may write there. */
export function boxOf(room: string, thread: number | null): TextBoxHandle | null {
  return boxes.get(keyOf(room, thread))?.current ?? null;
}
