import type { RoomEntry, TimelineMessage } from "chat-client";
import { t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { mayDeleteOthers, mayReplyInThreads, maySend } from "../state/permissions";

/** Why one cannot write in a room or in a thread; null if one can. */
export function findObstacle(
  entry: RoomEntry,
  thread: number | null,
  lock: TimelineMessage["thread_lock"],
): string | null {
  if (entry.archived) return t("room_is_archived");
  const allowed = thread === null ? maySend(entry) : mayReplyInThreads(entry);
  if (!allowed && entry.timed_out_until != null)
    return t("timed_out_until", { time: formatMoment(Date.parse(entry.timed_out_until)) });
  if (lock != null && !mayDeleteOthers(entry)) return t("thread_is_locked");
  if (allowed) return null;
  if (thread !== null) return t("may_not_reply");
  if (entry.settings?.announcement !== true) return t("may_not_write");
  return t(mayReplyInThreads(entry) ? "announcements_replies" : "announcements_only");
}
