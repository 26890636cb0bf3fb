import { Ellipsis, MessageSquare, Shield, UserMinus, UserPlus } from "lucide-preact";
import type { Member, RoomEntry } from "chat-client";
import { useEffect, useRef, useState } from "preact/hooks";
import { showDialog } from "../dialogs/open";
import { writeTo } from "../dialogs/write-to";
import { plural, t } from "../i18n";
import { Name } from "../message/name";
import { route } from "../router";
import { chat, myId, roomEntry } from "../state/chat";
import { attempt, complain } from "../state/errors";
import { members, refreshMembers } from "../state/members";
import { mayAddMembers, mayChangeRoles, mayRemoveMembers } from "../state/permissions";
import { presenceOf, roomName } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Button, Icon, IconButton } from "../ui/button";
import { Menu, type MenuItem } from "../ui/menu";
import { Skeleton } from "../ui/states";
import { PanelFrame } from "./host";

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
      <Avatar id={user.id} name={user.display_name} presence={presenceOf(user.id)} />
      <div>
        <Name id={user.id} />
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
          groups={menu(entry, user.id, user.display_name, role)}
          onClose={() => setOpen(false)}
        />
      )}
    </div>
  );
}

function menu(entry: RoomEntry, user: string, name: string, role: Member["role"]): MenuItem[][] {
  const path = { room_id: entry.room, user_id: user };
  const set = (next: Member["role"]): MenuItem => ({
    label: t(`make_${next}`),
    icon: Shield,
    run: () =>
      void attempt(() =>
        chat.api.patch("/rooms/{room_id}/members/{user_id}", { path, body: { role: next } }),
      ),
  });
  const roles = (["owner", "admin", "moderator", "member", "guest"] as const).filter(
    (next) => next !== role,
  );
  const removable = mayRemoveMembers(entry) && (entry.role === "owner" || role === "member");
  return [
    [
      {
        label: t("write_message"),
        icon: MessageSquare,
        run: () => void attempt(() => writeTo([user])),
      },
    ],
    mayChangeRoles(entry) ? roles.map(set) : [],
    removable
      ? [
          {
            label: t("remove_from_room"),
            icon: UserMinus,
            danger: true,
            run: () =>
              showDialog({
                kind: "confirm",
                title: t("remove_from_room"),
                text: t("remove_from_room_text", { name }),
                action: t("remove"),
                run: () => chat.api.delete("/rooms/{room_id}/members/{user_id}", { path }),
              }),
          },
        ]
      : [],
  ];
}
