import { Ellipsis, UserPlus } from "lucide-preact";
import type { Member, RoomEntry } from "chat-client";
import { useEffect, useRef, useState } from "preact/hooks";
import { showDialog } from "../dialogs/open";
import { plural, t } from "../i18n";
import { Name } from "../message/name";
import { route } from "../router";
import { PersonButton } from "../people/person-button";
import { PresenceText, StatusEmoji } from "../people/signs";
import { chat, myId, roomEntry } from "../state/chat";
import { complain } from "../state/errors";
import { members, refreshMembers } from "../state/members";
import { mayAddMembers } from "../state/permissions";
import { presenceOf, roomName } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Button, Icon, IconButton } from "../ui/button";
import { Menu } from "../ui/menu";
import { Skeleton } from "../ui/states";
import { PanelFrame } from "./host";
import { memberMenu } from "./member-menu";

const RANKS = { owner: 0, admin: 1, moderator: 2, member: 3, guest: 4 } as const;

export function MembersPanel() {
  const id = route.value.room ?? "";
  const entry = roomEntry(id);
  const all = members(id).value;
  const [query, setQuery] = useState("");
  useEffect(() => {
    const refresh = (): void => void refreshMembers(id).catch(complain);
    refresh();
    return chat.room(id).onEvent((event) => event.type.startsWith("member.") && refresh());
  }, [id]);
  if (entry === undefined) return null;
  const wanted = query.toLocaleLowerCase();
  const shown = (all ?? [])
    .filter(({ user }) =>
      `${user.display_name}\n${user.username}`.toLocaleLowerCase().includes(wanted),
    )
    .sort(
      (one, two) =>
        RANKS[one.role] - RANKS[two.role] ||
        one.user.display_name.localeCompare(two.user.display_name),
    );
  return (
    <PanelFrame title={t("members")} subtitle={roomName(entry)}>
      <div class="panel-section">
        <div class="field">
          <input
            type="search"
            placeholder={t("find_people")}
            aria-label={t("find_people")}
            value={query}
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
        </div>
        {mayAddMembers(entry) && (
          <Button onClick={() => showDialog({ kind: "add-members", room: id })}>
            <Icon icon={UserPlus} size={16} />
            {t("add_people")}
          </Button>
        )}
      </div>
      <div class="panel-body">
        {all === null ? (
          <Skeleton shape="lines" count={6} />
        ) : (
          <p class="rule">{plural("member_count", all.length)}</p>
        )}
        {shown.map((member) => (
          <MemberRow key={member.user.id} entry={entry} member={member} />
        ))}
      </div>
    </PanelFrame>
  );
}

function MemberRow({ entry, member: { user, role } }: { entry: RoomEntry; member: Member }) {
  const more = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  return (
    <div class="person">
      <PersonButton id={user.id} decorative>
        <Avatar id={user.id} name={user.display_name} presence={presenceOf(user.id)} />
      </PersonButton>
      <div>
        <span class="person-name">
          <PersonButton id={user.id}>
            <Name id={user.id} />
          </PersonButton>
          <PresenceText id={user.id} />
          <StatusEmoji id={user.id} />
        </span>
        <small>
          <bdi>@{user.username}</bdi>
        </small>
      </div>
      {role !== "member" && <span class="tag">{t(role)}</span>}
      {user.id !== myId.value && (
        <IconButton
          icon={Ellipsis}
          label={t("more_actions")}
          buttonRef={more}
          aria-expanded={open}
          onClick={() => setOpen(true)}
        />
      )}
      {open && more.current && (
        <Menu
          anchor={more.current}
          label={user.display_name}
          groups={memberMenu(entry, user.id, user.display_name, role)}
          onClose={() => setOpen(false)}
        />
      )}
    </div>
  );
}
