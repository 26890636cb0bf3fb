import {
  Ellipsis,
  Pencil,
  ShieldMinus,
  ShieldPlus,
  UserMinus,
  UserPlus,
  Users,
} from "lucide-preact";
import { MessageSquare } from "lucide-preact";
import type { Group, User } from "chat-client";
import { useEffect, useRef, useState } from "preact/hooks";
import { showDialog } from "../dialogs/open";
import { writeTo } from "../dialogs/write-to";
import { t } from "../i18n";
import { Name } from "../message/name";
import { openPanel, route } from "../router";
import { useIsAdmin } from "../state/account";
import { chat, myId } from "../state/chat";
import { attempt, explain, inform } from "../state/errors";
import { forgetGroups, groupOf, keepGroup } from "../state/groups";
import { presenceOf } from "../state/people";
import { Avatar } from "../ui/avatar";
import { Button, Icon, IconButton } from "../ui/button";
import { Menu, type MenuItem } from "../ui/menu";
import { Empty, Skeleton } from "../ui/states";
import { focusPanel, PanelFrame } from "./host";
import { actsOn, managersFirst, type GroupRights } from "./group-rights";
import { ListBody } from "./list";
import { useList } from "./use-list";

/** A user group: its members, and for those who may what can be done with it. */
export function GroupPanel() {
  const id = route.value.group ?? "";
  const group = groupOf(id);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    chat.api
      .get("/groups/{group_id}", { path: { group_id: id } })
      .then(keepGroup, (reason: unknown) => setError(explain(reason)));
  }, [id]);
  return (
    <PanelFrame title={t("user_group")} back="groups">
      {error === null ? (
        group === undefined ? (
          <Skeleton shape="lines" count={5} />
        ) : (
          <Content group={group} />
        )
      ) : (
        <Empty icon={Users} title={t("no_such_group")} text={error} />
      )}
    </PanelFrame>
  );
}

function Content({ group }: { group: Group }) {
  const isAdmin = useIsAdmin();
  const [managers, setManagers] = useState<readonly User[]>([]);
  const path = { group_id: group.id };
  const list = useList(
    async (cursor) => {
      if (cursor === null) setManagers(await chat.api.get("/groups/{group_id}/managers", { path }));
      const query = { limit: 100, ...(cursor === null ? {} : { cursor }) };
      return chat.api.get("/groups/{group_id}/members", { path, query });
    },
    [group.id],
  );
  const rights: GroupRights = {
    me: myId.value,
    isAdmin,
    managers: new Set(managers.map(({ id }) => id)),
  };
  const changesMembers = isAdmin || rights.managers.has(rights.me);
  const shown = list.items === null ? null : managersFirst(managers, list.items);
  return (
    <div class="panel-body">
      <div class="panel-section">
        <div class="group-head">
          <span class="group-sign">
            <Icon icon={Users} />
          </span>
          <div>
            <h3 dir="auto">{group.display_name}</h3>
            <bdi>@{group.handle}</bdi>
          </div>
        </div>
        {changesMembers && (
          <div class="choices">
            <Button
              onClick={() =>
                showDialog({ kind: "add-group-members", group: group.id, onDone: list.reload })
              }
            >
              <Icon icon={UserPlus} size={16} />
              {t("add_people")}
            </Button>
            {isAdmin && (
              <Button onClick={() => showDialog({ kind: "group", group, onDone: keepGroup })}>
                <Icon icon={Pencil} size={16} />
                {t("edit")}
              </Button>
            )}
          </div>
        )}
      </div>
      <h3 class="rule">{t("members")}</h3>
      <ListBody
        inline
        list={{ ...list, items: shown }}
        empty={
          <Empty
            icon={Users}
            title={t("no_group_members")}
            text={t("no_group_members_text", { handle: group.handle })}
          />
        }
        render={(user) => (
          <MemberRow
            key={user.id}
            user={user}
            isManager={rights.managers.has(user.id)}
            menu={memberMenu(group, user, rights, list.reload)}
          />
        )}
      />
      {isAdmin && (
        <section class="panel-section">
          <Button kind="danger" onClick={() => askToDelete(group)}>
            {t("delete_group")}
          </Button>
        </section>
      )}
    </div>
  );
}

function askToDelete(group: Group): void {
  const name = group.display_name;
  showDialog({
    kind: "confirm",
    title: t("delete_group"),
    text: t("delete_group_text", { name }),
    action: t("delete_group"),
    run: async () => {
      await chat.api.delete("/groups/{group_id}", { path: { group_id: group.id } });
      forgetGroups();
      openPanel("groups");
      inform(t("group_deleted", { name }));
    },
  });
}

function memberMenu(
  group: Group,
  user: User,
  rights: GroupRights,
  reload: () => void,
): MenuItem[][] {
  const path = { group_id: group.id, user_id: user.id };
  const name = user.display_name;
  const manages = rights.managers.has(user.id);
  const run = (work: () => Promise<unknown>) => (): void => void attempt(work).then(reload);
  const { setsManagers, removes, returns } = actsOn(rights, user.id);
  const remove = async (): Promise<void> => {
    await chat.api.delete("/groups/{group_id}/members/{user_id}", { path });
    focusPanel();
    const undo = run(() =>
      manages
        ? chat.api.put("/groups/{group_id}/managers/{user_id}", { path })
        : chat.api.put("/groups/{group_id}/members/{user_id}", { path }),
    );
    inform(t("left_group", { name }), returns ? { label: t("undo"), run: undo } : undefined);
  };
  const write = (): void => void attempt(() => writeTo([user.id]));
  return [
    user.id === rights.me ? [] : [{ label: t("write_message"), icon: MessageSquare, run: write }],
    setsManagers
      ? [
          manages
            ? {
                label: t("take_management"),
                icon: ShieldMinus,
                run: run(() => chat.api.delete("/groups/{group_id}/managers/{user_id}", { path })),
              }
            : {
                label: t("make_manager"),
                icon: ShieldPlus,
                run: run(() => chat.api.put("/groups/{group_id}/managers/{user_id}", { path })),
              },
        ]
      : [],
    removes
      ? [{ label: t("remove_from_group"), icon: UserMinus, danger: true, run: run(remove) }]
      : [],
  ];
}

interface RowProperties {
  readonly user: User;
  readonly isManager: boolean;
  readonly menu: readonly (readonly MenuItem[])[];
}

function MemberRow({ user, isManager, menu }: RowProperties) {
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
      {isManager && <span class="tag">{t("group_manager")}</span>}
      {menu.some((items) => items.length > 0) && (
        <IconButton
          icon={Ellipsis}
          label={t("more_actions")}
          buttonRef={more}
          aria-haspopup="menu"
          aria-expanded={open}
          onClick={() => setOpen(true)}
        />
      )}
      {open && more.current && (
        <Menu
          anchor={more.current}
          label={user.display_name}
          groups={menu}
          onClose={() => setOpen(false)}
        />
      )}
    </div>
  );
}
