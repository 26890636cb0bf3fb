import { MessageSquareText } from "lucide-preact";
import type { SearchHit } from "chat-client";
import { t } from "../i18n";
import { formatFull, formatShort } from "../i18n/dates";
import { Name } from "../message/name";
import { navigate, openThread, route } from "../router";
import { roomEntry } from "../state/chat";
import { isPeople, roomName } from "../state/people";
import { Icon } from "../ui/button";
import { snippet } from "./snippet";

/** A found message: leads to its place. Where there is room for both, the list stays. */
export function Hit({ hit, onOpen }: { hit: SearchHit; onOpen: () => void }) {
  const { room, message, highlights } = hit;
  const entry = roomEntry(room);
  const at = Date.parse(message.at);
  const inThread = message.thread != null && !message.also_in_room;
  const here =
    route.value.room === room &&
    (route.value.message === message.seq || (inThread && route.value.thread === message.thread));
  return (
    <article class="card search-hit" aria-current={here ? "true" : undefined}>
      <button
        type="button"
        class="card-open"
        onClick={() => {
          onOpen();
          openHit(hit);
        }}
      >
        <span class="card-head">
          <Name id={message.sender} />
          {entry !== undefined && (
            <bdi>{isPeople(entry) ? roomName(entry) : `#${roomName(entry)}`}</bdi>
          )}
          <time dateTime={message.at} title={formatFull(at)}>
            {formatShort(at)}
          </time>
        </span>
        <span class="card-text" dir="auto">
          {snippet(message.text || (message.forwarded?.text ?? ""), highlights).map((piece) =>
            piece.marked ? <mark>{piece.text}</mark> : piece.text,
          )}
        </span>
        {inThread && (
          <span class="card-head">
            <Icon icon={MessageSquareText} size={13} />
            {t("is_in_thread")}
          </span>
        )}
      </button>
    </article>
  );
}

export function openHit({ room, message }: SearchHit): void {
  if (message.thread != null && !message.also_in_room) {
    openThread(room, message.thread, message.seq);
    return;
  }
  const { panel, query } = route.peek();
  const beside = panel === "search" && matchMedia("(min-width: 1100px)").matches;
  navigate({ room, message: message.seq, ...(beside ? { panel, query } : {}) });
}
