import type { Signal } from "@preact/signals";
import type { Timeline } from "chat-client";
import { useMemo, type MutableRef } from "preact/hooks";
import { complain } from "../state/errors";
import type { ScrollerHandle } from "./scroller";

export interface Jump {
  (seq: number): Promise<void>;
  /** The signal that marks the message for a moment. */
  readonly highlight: { current: Signal<number | null> | null };
}

const MARK_MS = 2500;

/** Shows a message a third from the top, and loads what is around it where it is far away. */
export function useJump(timeline: Timeline, scroller: MutableRef<ScrollerHandle | null>): Jump {
  return useMemo(() => {
    const highlight: Jump["highlight"] = { current: null };
    const find = (seq: number) => timeline.items.get().find((message) => message.seq >= seq);
    const jump = async (seq: number): Promise<void> => {
      if (!timeline.items.get().some((message) => message.seq === seq)) {
        try {
          await timeline.jumpTo(seq);
        } catch (error) {
          complain(error);
          return;
        }
      }
      const message = find(seq);
      if (message === undefined) return;
      await rendered();
      scroller.current?.show({ key: message.key, at: "third" });
      if (highlight.current === null) return;
      highlight.current.value = seq;
      setTimeout(() => {
        if (highlight.current?.peek() === seq) highlight.current.value = null;
      }, MARK_MS);
    };
    return Object.assign(jump, { highlight });
  }, [timeline]);
}

const rendered = (): Promise<void> =>
  new Promise((resolve) => requestAnimationFrame(() => resolve()));
