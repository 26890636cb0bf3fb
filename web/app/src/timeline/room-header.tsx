import { ArrowLeft, Bell, BellOff, Pin, Search, Settings2, Users } from "lucide-preact";
import type { RoomEntry } from "chat-client";
import { formatNumber, plural, t } from "../i18n";
import { closePanel, openSearch, route, showRooms, togglePanel } from "../router";
import { members, membersOf } from "../state/members";
import { useRequestCount } from "../state/join-requests";
import { useReportCount } from "../state/reports";
import { notificationsOf } from "../state/muted";
import { othersOf, presenceOf, roomName } from "../state/people";
import { Icon, IconButton } from "../ui/button";
import { RoomSign } from "../sidebar/room-sign";
import { useEffect } from "preact/hooks";
import "./room-header.css";

export function RoomHeader({ entry }: { entry: RoomEntry }) {
  const direct = entry.kind === "direct";
  useEffect(() => {
    if (!direct) void membersOf(entry.room).catch(() => undefined); // only for the number
  }, [entry.room]);
  const count = members(entry.room).value?.length;
  const { panel } = route.value;
  const requests = useRequestCount(entry);
  const reports = useReportCount(entry);
  const muted = notificationsOf(entry.room)?.muted ?? false;
  return (
    <header class="bar room-header">
      <IconButton
        icon={ArrowLeft}
        class="bar-back mirrored"
        label={t("back_to_rooms")}
        onClick={showRooms}
      />
      <h1>
        <RoomSign entry={entry} />
        <bdi>{roomName(entry)}</bdi>
      </h1>
      <p dir="auto">{direct ? <Presence entry={entry} /> : entry.topic}</p>
      <IconButton
        icon={Search}
        class="room-header-wide"
        label={t("search_in_room")}
        keys="Ctrl Shift F"
        aria-pressed={panel === "search"}
        onClick={() => (panel === "search" ? closePanel() : openSearch(`in:${entry.room}`))}
      />
      <IconButton
        icon={Pin}
        class="room-header-wide"
        label={t("pinned_messages")}
        aria-pressed={panel === "pins"}
        onClick={() => togglePanel("pins")}
      />
      {!direct && (
        <button
          type="button"
          class="room-header-count"
          aria-pressed={panel === "members"}
          title={t("members")}
          onClick={() => togglePanel("members")}
        >
          <Icon icon={Users} />
          <span class="quiet-text">{t("members")} </span>
          {count !== undefined && <span class="digits">{formatNumber(count)}</span>}
        </button>
      )}
      <IconButton
        icon={muted ? BellOff : Bell}
        class="room-header-wide"
        label={t("notifications")}
        aria-pressed={panel === "notifications"}
        onClick={() => togglePanel("notifications")}
      />
      {!direct && (
        <span class="room-header-settings">
          <IconButton
            icon={Settings2}
            label={t("room_settings")}
            aria-pressed={panel?.startsWith("room") ?? false}
            onClick={() => togglePanel("room")}
          />
          {requests + reports > 0 && (
            <span class="badge digits">
              <span aria-hidden="true">{formatNumber(requests + reports)}</span>
              {requests > 0 && <span class="quiet-text">{plural("request_count", requests)} </span>}
              {reports > 0 && <span class="quiet-text">{plural("report_count", reports)}</span>}
            </span>
          )}
        </span>
      )}
    </header>
  );
}

function Presence({ entry }: { entry: RoomEntry }) {
  const others = othersOf(entry);
  const state = others.length === 1 ? presenceOf(others[0] ?? "") : "unknown";
  return <>{state === "unknown" ? "" : t(state)}</>;
}
