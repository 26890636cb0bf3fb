import type { Room } from "chat-client";
import { useEffect, useState } from "preact/hooks";
import { connection } from "../state/chat";
import { live } from "../state/live";

const PATIENCE_MS = 1500;

/** Whether the read marker that is known is the present one: the room is open, or there is no
 * connection that could tell. Once true it stays so. */
export function useSettled(room: Room): boolean {
  const [late, setLate] = useState(false);
  const [settled, setSettled] = useState(false);
  const now =
    live(room.state).value === "open" ||
    connection.value.retry_at !== undefined ||
    !navigator.onLine ||
    late;
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    if (now) setSettled(true);
  }, [now]);
  return settled || now;
}
