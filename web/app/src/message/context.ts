import { signal, type Signal } from "@preact/signals";
import type { Room, TimelineMessage } from "chat-client";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

/** What the rows of one timeline share. */
export interface Place {
  readonly room: Room;
  /** The root of the thread that is shown; null in the room itself. */
  readonly thread: number | null;
  /** `key` of the row whose toolbar is shown. */
  readonly active: Signal<string | null>;
  /** `key` of the message that is being edited. */
  readonly editing: Signal<string | null>;
  /** `key`s of the messages of blocked people that are shown. */
  readonly unfolded: Signal<ReadonlySet<string>>;
  readonly replyTo: Signal<TimelineMessage | null>;
  /** `seq` of the message that a link led to, to show it for a moment. */
  readonly highlighted: Signal<number | null>;
  readonly jump: (seq: number) => void;
  readonly focusComposer: () => void;
}

export function makePlace(
  room: Room,
  thread: number | null,
  functions: Pick<Place, "jump" | "focusComposer">,
): Place {
  return {
    room,
    thread,
    active: signal(null),
    editing: signal(null),
    unfolded: signal(new Set()),
    replyTo: signal(null),
    highlighted: signal(null),
    ...functions,
  };
}

const PlaceContext = createContext<Place | null>(null);
export const PlaceProvider = PlaceContext.Provider;

export function usePlace(): Place {
  const place = useContext(PlaceContext);
  if (place === null) throw new Error("rendered outside of a timeline");
  return place;
}
