import {
  AtSign,
  Briefcase,
  Clock,
  Copy,
  Ellipsis,
  Languages,
  MessageSquare,
  Pencil,
  SmilePlus,
  UserX,
} from "lucide-preact";
import type { LucideIcon } from "lucide-preact";
import type { User } from "chat-client";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { boxOf } from "../composer/boxes";
import { writeTo } from "../dialogs/write-to";
import { t } from "../i18n";
import { formatUntil } from "../i18n/dates";
import { languageName } from "../i18n/language-names";
import { localTime } from "../i18n/zones";
import { blockItem, memberActions } from "../panel/member-menu";
import { closePanel, openPanel } from "../router";
import { isBlocked } from "../state/blocks";
import { myId, roomEntry } from "../state/chat";
import { nowUntil } from "../state/clock";
import { attempt, inform } from "../state/errors";
import { looksLikeAnother } from "../state/lookalike";
import { members } from "../state/members";
import { nameOf, presenceOf } from "../state/people";
import { activeStatus, type Status } from "../state/status";
import { Avatar } from "../ui/avatar";
import { Button, Icon, IconButton } from "../ui/button";
import { Menu, type MenuItem } from "../ui/menu";
import { Popover } from "../ui/popover";
import { Skeleton } from "../ui/states";
import { closeProfile, type OpenProfile } from "./open";
import { useProfile } from "./use-profile";
import "./profile-card.css";

const MINUTE_MS = 60_000;

/** Who somebody is, and what one does with them. */
export function ProfileCard(profile: OpenProfile) {
  const { user: id, anchor } = profile;
  const user = useProfile(id);
  const facts = useId();
  return (
    <Popover
      anchor={anchor}
      label={t("profile_of", { name: nameOf(id) })}
      description={facts}
      onClose={closeProfile}
      class="profile"
    >
      {user === undefined ? (
        <Skeleton shape="lines" count={3} />
      ) : (
        <>
          <div id={facts}>
            <Head user={user} />
            <Facts user={user} />
          </div>
          <Actions user={user} profile={profile} />
        </>
      )}
    </Popover>
  );
}

function Head({ user }: { user: User }) {
  const presence = presenceOf(user.id);
  return (
    <div class="profile-head">
      <Avatar id={user.id} name={user.display_name} size={64} presence={presence} />
      <div>
        <h2>
          <bdi>{user.display_name}</bdi>
        </h2>
        <p class="profile-username">
          <bdi>@{user.username}</bdi>
        </p>
        {presence !== "unknown" && <p aria-hidden="true">{t(presence)}</p>}
      </div>
    </div>
  );
}

function Facts({ user }: { user: User }) {
  const status = activeStatus(user.status);
  return (
    <div class="profile-facts">
      {looksLikeAnother(user) && <p class="profile-warning">{t("looks_like_another")}</p>}
      {status !== null && <StatusLine status={status} />}
      {user.title != null && (
        <Fact icon={Briefcase} label={t("job_title")}>
          <bdi>{user.title}</bdi>
        </Fact>
      )}
      {user.time_zone != null && <LocalTime zone={user.time_zone} />}
      {user.language != null && (
        <Fact icon={Languages} label={t("language")}>
          <bdi>{languageName(user.language)}</bdi>
        </Fact>
      )}
      {isBlocked(user.id) && (
        <Fact icon={UserX} label={t("block")}>
          {t("you_blocked")}
        </Fact>
      )}
    </div>
  );
}

function StatusLine({ status }: { status: Status }) {
  return (
    <p class="profile-status">
      <span class="quiet-text">{t("status")}</span>
      <span aria-hidden={status.emoji == null}>{status.emoji ?? "💬"}</span>
      <span>
        <bdi>{status.text}</bdi>
        {status.until != null && <small>{formatUntil(Date.parse(status.until))}</small>}
      </span>
    </p>
  );
}

function LocalTime({ zone }: { zone: string }) {
  const now = nowUntil((Math.floor(Date.now() / MINUTE_MS) + 1) * MINUTE_MS);
  const local = localTime(zone, now);
  if (local === null) return null;
  return (
    <Fact icon={Clock} label={t("local_time")}>
      {local.time} <small>{local.difference}</small>
    </Fact>
  );
}

interface FactProperties {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly children: ComponentChildren;
}

function Fact({ icon, label, children }: FactProperties) {
  return (
    <p title={label}>
      <Icon icon={icon} size={16} />
      <span class="quiet-text">{label}</span>
      <span>{children}</span>
    </p>
  );
}

function Actions({ user, profile }: { user: User; profile: OpenProfile }) {
  const { room, thread } = profile;
  const first = useRef<HTMLDivElement>(null);
  const more = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => first.current?.querySelector("button")?.focus(), []);
  const close = (run: () => void) => (): void => {
    closeProfile();
    run();
  };
  const copy = (
    <IconButton
      icon={Copy}
      label={t("copy_username")}
      onClick={() =>
        void attempt(async () => {
          await navigator.clipboard.writeText(user.username);
          inform(t("username_copied"));
        })
      }
    />
  );
  if (user.id === myId.value) {
    return (
      <div class="profile-actions" ref={first}>
        <Button onClick={close(() => openPanel("status"))}>
          <Icon icon={SmilePlus} size={16} />
          {t("set_status")}
        </Button>
        <Button onClick={close(() => openPanel("preferences"))}>
          <Icon icon={Pencil} size={16} />
          {t("edit_profile")}
        </Button>
        {copy}
      </div>
    );
  }
  const isMember = room !== null && isIn(room, user.id);
  return (
    <div class="profile-actions" ref={first}>
      <Button onClick={close(() => void attempt(() => writeTo([user.id])))}>
        <Icon icon={MessageSquare} size={16} />
        {t("message")}
      </Button>
      {isMember && boxOf(room, thread) !== null && (
        <Button onClick={() => mention(room, thread, user.username)}>
          <Icon icon={AtSign} size={16} />
          {t("mention")}
        </Button>
      )}
      {copy}
      <IconButton
        icon={Ellipsis}
        label={t("more_actions")}
        buttonRef={more}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(true)}
      />
      {open && more.current && (
        <Menu
          anchor={more.current}
          label={t("more_actions")}
          groups={moreActions(user, isMember ? room : null).map((group) =>
            group.map((item) => ({ ...item, run: close(item.run) })),
          )}
          onClose={() => setOpen(false)}
        />
      )}
    </div>
  );
}

/** Whether somebody is a member, as far as the page knows. */
function isIn(room: string, user: string): boolean {
  const entry = roomEntry(room);
  if (entry?.kind === "direct") return entry.users?.includes(user) ?? false;
  return members(room).value?.some((member) => member.user.id === user) ?? false;
}

function moreActions(user: User, room: string | null): readonly (readonly MenuItem[])[] {
  const entry = room === null ? undefined : roomEntry(room);
  if (entry === undefined) return [[blockItem(user.id)]];
  const member = members(entry.room).value?.find((one) => one.user.id === user.id);
  return memberActions(entry, user.id, user.display_name, member?.role ?? "member");
}

/** On a small screen a panel hides the text box. */
function mention(room: string, thread: number | null, username: string): void {
  if (thread === null && matchMedia("(max-width: 639px)").matches) closePanel();
  requestAnimationFrame(() => {
    boxOf(room, thread)?.insertWord(`@${username}`);
    closeProfile();
  });
}
