import { Pin, TimerReset } from "lucide-preact";
import type { TimelineMessage } from "chat-client";
import { formatFull, formatTime } from "../i18n/dates";
import { t } from "../i18n";
import { isBlocked } from "../state/blocks";
import { roleOf } from "../state/members";
import { nameOf } from "../state/people";
import { PersonButton } from "../people/person-button";
import { Text } from "../text/text";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/button";
import { memo } from "../ui/memo";
import { usePlace } from "./context";
import { Editor } from "./editor";
import { Failed } from "./failed";
import { Forwarded } from "./forwarded";
import { isForMe, useMentions } from "./mentions";
import { Name } from "./name";
import { Poll } from "./poll";
import { QuoteLine } from "./quote";
import { Reactions } from "./reactions";
import { ThreadLink } from "./thread-link";
import { Toolbar } from "./toolbar";
import { useLongPress } from "./long-press";
import "./row.css";

interface Properties {
  readonly message: TimelineMessage;
  readonly first: boolean;
  readonly at: number;
}

/** One message. Its group's name and picture stand at the first one. */
export const MessageRow = memo(function MessageRow({ message, first, at }: Properties) {
  const place = usePlace();
  const { key } = message;
  const longPress = useLongPress(() => (place.active.value = key));
  const deleted = message.deletion != null;
  const folded = !deleted && isBlocked(message.sender) && !place.unfolded.value.has(key);
  const editing = place.editing.value === key;
  return (
    <article
      class="message"
      data-first={first}
      data-for-me={!deleted && isForMe(message)}
      data-pending={message.pending ?? "no"}
      data-highlighted={message.seq > 0 && place.highlighted.value === message.seq}
      data-seq={message.seq}
      tabIndex={-1}
      onPointerEnter={(event) => {
        if (event.pointerType === "mouse") place.active.value = key;
      }}
      onPointerLeave={(event) => {
        if (event.pointerType === "mouse" && place.active.value === key) place.active.value = null;
      }}
      onFocusIn={() => (place.active.value = key)}
      {...longPress}
    >
      {first ? (
        <PersonButton id={message.sender} decorative>
          <Avatar id={message.sender} name={nameOf(message.sender)} />
        </PersonButton>
      ) : (
        <time class="message-at" dateTime={message.at} aria-hidden="true">
          {formatTime(at)}
        </time>
      )}
      <div class="message-content">
        <header class={first ? "message-head" : "quiet-text"}>
          <h3>
            {first ? (
              <PersonButton id={message.sender} tabIndex={place.active.value === key ? 0 : -1}>
                <Name id={message.sender} />
              </PersonButton>
            ) : (
              <Name id={message.sender} />
            )}
          </h3>
          {first && <RoleTag room={place.room.id} user={message.sender} />}
          <time dateTime={message.at} title={formatFull(at)}>
            {formatTime(at)}
          </time>
          <Signs message={message} />
        </header>
        {!first && (
          <span class="message-signs" aria-hidden="true">
            <Signs message={message} />
          </span>
        )}
        {editing && <Editor message={message} />}
        {folded && <Folded message={message} />}
        {!editing && !folded && <Content message={message} deleted={deleted} />}
        {message.pending === "failed" && <Failed message={message} />}
      </div>
      {place.active.value === key && !deleted && !editing && message.pending === undefined && (
        <Toolbar message={message} />
      )}
    </article>
  );
});

/** In place of what somebody has written who is blocked. */
function Folded({ message }: { message: TimelineMessage }) {
  const { unfolded } = usePlace();
  return (
    <p class="message-deleted">
      {t("message_of_blocked")}{" "}
      <button
        type="button"
        class="message-unfold"
        onClick={() => (unfolded.value = new Set(unfolded.peek()).add(message.key))}
      >
        {t("show")}
      </button>
    </p>
  );
}

/** That it is pinned, and that it disappears. */
function Signs({ message: { pin, expires_at } }: { message: TimelineMessage }) {
  const disappears =
    expires_at == null ? "" : t("disappears_at", { time: formatFull(Date.parse(expires_at)) });
  return (
    <>
      {pin != null && (
        <span class="message-sign" title={t("pinned")}>
          <Icon icon={Pin} size={13} />
          <span class="quiet-text">{t("pinned")}</span>
        </span>
      )}
      {disappears !== "" && (
        <span class="message-sign" title={disappears}>
          <Icon icon={TimerReset} size={13} />
          <span class="quiet-text">{disappears}</span>
        </span>
      )}
    </>
  );
}

function RoleTag({ room, user }: { room: string; user: string }) {
  const role = roleOf(room, user);
  return role === "member" ? null : <span class="tag">{t(role)}</span>;
}

function Content({ message, deleted }: { message: TimelineMessage; deleted: boolean }) {
  const mentions = useMentions(message);
  const place = usePlace();
  if (deleted) return <p class="message-deleted">{t("message_deleted")}</p>;
  return (
    <>
      {message.reply_to != null && <QuoteLine message={message} />}
      {message.thread != null && place.thread === null && <ThreadLink message={message} reply />}
      {message.text !== "" && message.poll == null && (
        <Text
          text={message.text}
          lookUpMention={mentions}
          edited={message.edit != null}
          waiting={message.pending === "waiting" || message.pending === "sending"}
        />
      )}
      {message.forwarded != null && (
        <Forwarded forwarded={message.forwarded} lookUpMention={mentions} />
      )}
      {message.poll != null && <Poll message={message} poll={message.poll} />}
      <Reactions message={message} />
      {message.thread_summary != null && place.thread === null && <ThreadLink message={message} />}
    </>
  );
}
