import type { RoomEntry } from "chat-client";
import { useEffect, useState } from "preact/hooks";
import { myId } from "../state/chat";
import { mayDeleteOthers } from "../state/permissions";

const KEY = "chat.sent";
const MAX_KEPT = 50;

type Times = Readonly<Record<string, number>>;

/** When something was sent in rooms in slow mode, by the clock of the device. */
function read(): Times {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Times;
  } catch {
    return {};
  }
}

function note(room: string): void {
  const others = Object.entries(read()).filter(([id]) => id !== room);
  try {
    const kept = [...others.slice(1 - MAX_KEPT), [room, Date.now()]];
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(kept)));
  } catch {
    // Without storage the server says when the next message may come.
  }
}

export interface Pace {
  /** Seconds between two messages; 0: no slow mode for this person. */
  readonly every: number;
  /** Seconds until the next message may be sent. */
  readonly left: number;
  readonly onSent: () => void;
}

/** The slow mode of a room. The server decides; this shows what it will say. */
export function usePace(entry: RoomEntry | undefined): Pace {
  const every =
    entry === undefined || mayDeleteOthers(entry) ? 0 : (entry.settings?.slow_mode_s ?? 0);
  const [now, setNow] = useState(Date.now);
  const last = entry?.last_message;
  const shown = last?.sender === myId.value ? Date.parse(last.at) : 0;
  const sent = every === 0 ? 0 : Math.max(read()[entry?.room ?? ""] ?? 0, shown);
  const wait = Math.ceil((sent + every * 1000 - Math.max(now, sent)) / 1000);
  const left = Math.max(0, Math.min(wait, every));
  useEffect(() => {
    if (left === 0) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [left === 0, sent]);
  return {
    every,
    left,
    onSent: () => {
      if (entry === undefined || every === 0) return;
      note(entry.room);
      setNow(Date.now());
    },
  };
}
