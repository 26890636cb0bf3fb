import { PencilLine } from "lucide-preact";
import type { RoomEntry } from "chat-client";
import { formatNumber, plural, t } from "../i18n";
import { addressOf, openRoom, route } from "../router";
import { draftOf } from "../state/items";
import { isMuted } from "../state/muted";
import { StatusEmoji } from "../people/signs";
import { othersOf, roomName } from "../state/people";
import { Icon } from "../ui/button";
import { RoomSign } from "./room-sign";

const MAX_SHOWN = 999;

export function RoomLink({ entry }: { entry: RoomEntry }) {
  const { room } = entry;
  const here = route.value.room === room;
  const unread = entry.unread ?? 0;
  const mentions = entry.mentions ?? 0;
  const direct = entry.kind === "direct";
  const muted = isMuted(room);
  const badge = direct && !muted ? unread : mentions;
  return (
    <a
      class="room-link"
      href={addressOf(room)}
      data-unread={unread > 0 && !muted}
      data-muted={muted}
      aria-current={here ? "page" : undefined}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        openRoom(room);
      }}
    >
      <RoomSign entry={entry} />
      <bdi class="room-link-name">{roomName(entry)}</bdi>
      {direct && <StatusEmoji id={othersOf(entry)[0] ?? ""} />}
      {!here && draftOf(room, null) !== "" && (
        <span class="room-link-draft" role="img" aria-label={t("has_draft")}>
          <Icon icon={PencilLine} size={14} />
        </span>
      )}
      {badge > 0 && (
        <span class="badge digits">
          <span aria-hidden="true">{short(badge)}</span>
          <span class="quiet-text">
            {direct ? plural("unread", badge) : plural("unread_mentions", badge)}
          </span>
        </span>
      )}
      {badge === 0 && unread > 0 && !muted && (
        <span class="count digits">
          <span aria-hidden="true">{short(unread)}</span>
          <span class="quiet-text">{plural("unread", unread)}</span>
        </span>
      )}
    </a>
  );
}

const short = (count: number): string =>
  count > MAX_SHOWN ? `${formatNumber(MAX_SHOWN)}+` : formatNumber(count);
