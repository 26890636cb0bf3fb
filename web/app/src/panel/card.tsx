import type { Message } from "chat-client";
import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { formatFull, formatShort } from "../i18n/dates";
import { Name } from "../message/name";
import { openMessage, openThread } from "../router";
import { roomEntry } from "../state/chat";
import { roomName } from "../state/people";
import { summarize } from "../text/markdown";

interface Properties {
  readonly room: string;
  readonly message: Message;
  readonly withRoom?: boolean;
  readonly note?: ComponentChildren;
  readonly children?: ComponentChildren;
}

/** A message in a list: leads to its place. `children` are actions. */
export function MessageCard({ room, message, withRoom = false, note, children }: Properties) {
  const entry = roomEntry(room);
  const at = Date.parse(message.at);
  const open = (): void => {
    if (message.thread != null && !message.also_in_room)
      openThread(room, message.thread, message.seq);
    else openMessage(room, message.seq);
  };
  return (
    <article class="card">
      <button type="button" class="card-open" onClick={open}>
        <span class="card-head">
          <Name id={message.sender} />
          {withRoom && entry !== undefined && <bdi>{roomName(entry)}</bdi>}
          <time dateTime={message.at} title={formatFull(at)}>
            {formatShort(at)}
          </time>
        </span>
        <span class="card-text" dir="auto">
          {message.deletion
            ? t("message_deleted")
            : summarize(message.text || (message.forwarded?.text ?? ""), 400)}
        </span>
        {note}
      </button>
      {children !== undefined && <div class="card-actions">{children}</div>}
    </article>
  );
}
