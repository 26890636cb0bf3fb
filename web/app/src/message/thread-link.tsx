import { CornerDownRight } from "lucide-preact";
import type { TimelineMessage } from "chat-client";
import { plural, t } from "../i18n";
import { formatRelative } from "../i18n/dates";
import { openThread } from "../router";
import { nameOf } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/button";
import { usePlace } from "./context";
import "./thread-link.css";

/** Leads to a message's thread or, at a reply that is also in the room, to the thread it is in. */
export function ThreadLink({
  message,
  reply = false,
}: {
  message: TimelineMessage;
  reply?: boolean;
}) {
  const { room } = usePlace();
  if (reply) {
    return (
      <button
        type="button"
        class="thread-link"
        data-reply
        onClick={() => openThread(room.id, message.thread ?? 0)}
      >
        <Icon icon={CornerDownRight} size={14} />
        {t("replied_in_thread")}
      </button>
    );
  }
  const summary = message.thread_summary;
  if (summary == null || summary.replies === 0) return null;
  return (
    <button type="button" class="thread-link" onClick={() => openThread(room.id, message.seq)}>
      <span class="thread-people">
        {summary.users.slice(0, 3).map((id) => (
          <Avatar key={id} id={id} name={nameOf(id)} size={22} />
        ))}
      </span>
      {plural("replies", summary.replies)}
      <small>{t("last_reply", { when: formatRelative(Date.parse(summary.last_at)) })}</small>
    </button>
  );
}
