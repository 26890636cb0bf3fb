import {
  AtSign,
  Bookmark,
  CalendarClock,
  Compass,
  MessageSquareText,
  Plus,
  Search,
  Settings,
  SmilePlus,
  SquarePen,
} from "lucide-preact";
import type { LucideIcon } from "lucide-preact";
import { showDialog } from "../dialogs/open";
import { formatNumber, t } from "../i18n";
import { formatUntil } from "../i18n/dates";
import { openPalette } from "../palette/open";
import { openPanel, route, type Panel } from "../router";
import { me, rooms } from "../state/chat";
import { saved, scheduled, reminders } from "../state/items";
import { PersonButton } from "../people/person-button";
import { presenceOf } from "../state/people";
import { serverName } from "../state/server";
import { statusOf, statusText, type Status } from "../state/status";
import { Name } from "../message/name";
import { Avatar, initial } from "../ui/avatar";
import { Icon, IconButton } from "../ui/button";
import { moveFocus } from "../ui/roving";
import { Skeleton } from "../ui/states";
import { listed } from "./known";
import { shownPeople, shownRooms } from "./order";
import { RoomLink } from "./room-link";
import "./sidebar.css";

export function Sidebar() {
  const all = rooms.value;
  const people = shownPeople.value;
  const threadCount = all.reduce((sum, entry) => sum + (entry.unread_threads ?? 0), 0);
  const due = reminders.value.filter((reminder) => reminder.fired_at != null).length;
  return (
    <nav class="side" aria-label={t("navigation")}>
      <header class="side-top">
        <span class="logo" aria-hidden="true">
          {initial(serverName.value)}
        </span>
        <strong dir="auto">{serverName.value}</strong>
        <IconButton
          icon={SquarePen}
          label={t("new_conversation")}
          onClick={() => showDialog({ kind: "new-people" })}
        />
      </header>
      <button type="button" class="find" onClick={() => openPalette()}>
        <Icon icon={Search} size={16} />
        {t("find_or_jump")}
        <kbd>{isMac ? "⌘ K" : "Ctrl K"}</kbd>
      </button>
      <div class="side-list" onKeyDown={(event) => moveFocus(event, "a, button.room-link")}>
        <Shortcut
          icon={MessageSquareText}
          panel="threads"
          label={t("threads")}
          badge={threadCount}
        />
        <Shortcut icon={AtSign} panel="mentions" label={t("mentions")} />
        <Shortcut
          icon={Bookmark}
          panel="saved"
          label={t("saved")}
          count={saved.value.length}
          badge={due}
        />
        {scheduled.value.length > 0 && (
          <Shortcut
            icon={CalendarClock}
            panel="scheduled"
            label={t("scheduled")}
            count={scheduled.value.length}
          />
        )}
        <Heading
          text={t("rooms")}
          action={t("new_room")}
          onAction={() => showDialog({ kind: "new-room" })}
        />
        {!listed.value && <Skeleton shape="rooms" count={6} />}
        {shownRooms.value.map((entry) => (
          <RoomLink key={entry.room} entry={entry} />
        ))}
        {listed.value && (
          <button type="button" class="room-link" data-quiet onClick={() => openPalette("#")}>
            <Icon icon={Compass} />
            <span class="room-link-name">{t("find_rooms")}</span>
          </button>
        )}
        <Heading
          text={t("people")}
          action={t("new_conversation")}
          onAction={() => showDialog({ kind: "new-people" })}
        />
        {people.map((entry) => (
          <RoomLink key={entry.room} entry={entry} />
        ))}
        {listed.value && people.length === 0 && (
          <button
            type="button"
            class="room-link"
            data-quiet
            onClick={() => showDialog({ kind: "new-people" })}
          >
            <Icon icon={Plus} />
            <span class="room-link-name">{t("write_to_somebody")}</span>
          </button>
        )}
      </div>
      <Me />
    </nav>
  );
}

const isMac = /mac|iphone|ipad/i.test(navigator.userAgent);

interface ShortcutProperties {
  readonly icon: LucideIcon;
  readonly panel: Panel;
  readonly label: string;
  readonly badge?: number;
  readonly count?: number;
}

function Shortcut({ icon, panel, label, badge = 0, count = 0 }: ShortcutProperties) {
  return (
    <button
      type="button"
      class="room-link"
      data-unread={badge > 0}
      aria-current={route.value.panel === panel ? "page" : undefined}
      onClick={() => openPanel(panel)}
    >
      <Icon icon={icon} />
      <span class="room-link-name">{label}</span>
      {badge > 0 && <span class="badge digits">{formatNumber(badge)}</span>}
      {badge === 0 && count > 0 && <span class="count digits">{formatNumber(count)}</span>}
    </button>
  );
}

function Heading({
  text,
  action,
  onAction,
}: {
  text: string;
  action: string;
  onAction: () => void;
}) {
  return (
    <div class="side-heading">
      <h2>{text}</h2>
      <IconButton icon={Plus} label={action} size={16} onClick={onAction} />
    </div>
  );
}

function Me() {
  const user = me.value;
  if (user === undefined) return null;
  const status = statusOf(user.id);
  return (
    <footer class="me">
      <PersonButton id={user.id}>
        <Avatar id={user.id} name={user.display_name} presence={presenceOf(user.id)} />
        <span class="me-text">
          <strong>
            <Name id={user.id} />
          </strong>
          <small>
            {status === null ? <bdi>@{user.username}</bdi> : <OwnStatus status={status} />}
          </small>
        </span>
      </PersonButton>
      <IconButton
        icon={SmilePlus}
        label={t("set_status")}
        aria-pressed={route.value.panel === "status"}
        onClick={() => openPanel("status")}
      />
      <IconButton
        icon={Settings}
        label={t("preferences")}
        onClick={() => openPanel("preferences")}
      />
    </footer>
  );
}

function OwnStatus({ status }: { status: Status }) {
  const text = statusText(status);
  const until = status.until == null ? "" : ` · ${formatUntil(Date.parse(status.until))}`;
  return (
    <>
      <span class="quiet-text">{t("status")} </span>
      <bdi title={text + until}>{text}</bdi>
    </>
  );
}
