import { Copy, Link, Users } from "lucide-preact";
import type { Invite, InviteUse, Role, RoomEntry } from "chat-client";
import { useState } from "preact/hooks";
import { formatNumber, plural, t } from "../i18n";
import { formatMoment } from "../i18n/dates";
import { durationText } from "../i18n/durations";
import { Name } from "../message/name";
import { inviteLink, route } from "../router";
import { chat, myId, roomEntry } from "../state/chat";
import { attempt, inform } from "../state/errors";
import { mayChangeRoles, mayRemoveMembers, outranks } from "../state/permissions";
import { nameOf, roomName } from "../state/people";
import { Button, Icon, IconButton } from "../ui/button";
import { Choice } from "../ui/field";
import { Empty } from "../ui/states";
import { PanelFrame } from "./host";
import { ListBody } from "./list";
import { useList } from "./use-list";

const DAY = 86_400;
const LENGTHS = [3600, DAY, 7 * DAY, 30 * DAY, 0] as const;
const USES = [0, 1, 5, 10, 25, 100] as const;

/** Links by which people come into a room. */
export function RoomInvitesPanel() {
  const id = route.value.room ?? "";
  const entry = roomEntry(id);
  const list = useList(
    (cursor) =>
      chat.api.get("/rooms/{room_id}/invites", {
        path: { room_id: id },
        query: cursor === null ? {} : { cursor },
      }),
    [id],
  );
  if (entry === undefined) return null;
  const revoke = (invite: Invite): void =>
    void attempt(async () => {
      const path = { room_id: id, invite_id: invite.id };
      await chat.api.delete("/rooms/{room_id}/invites/{invite_id}", { path });
      list.reload();
    });
  return (
    <PanelFrame title={t("invites")} subtitle={roomName(entry)} back="room">
      {!entry.archived && <NewInvite entry={entry} onMade={list.reload} />}
      <ListBody
        list={{ ...list, items: list.items?.toSorted(openFirst) ?? null }}
        empty={<Empty icon={Link} title={t("no_invites")} text={t("no_invites_text")} />}
        render={(invite) => (
          <InviteRow
            key={invite.id}
            entry={entry}
            invite={invite}
            onRevoke={() => revoke(invite)}
          />
        )}
      />
    </PanelFrame>
  );
}

const isOpen = ({ revoked_at, expires_at, max_uses, uses }: Invite): boolean =>
  revoked_at === null &&
  (expires_at === null || Date.parse(expires_at) > Date.now()) &&
  (max_uses === null || uses < max_uses);

/** Links that work before those that do not; the newest first. */
const openFirst = (one: Invite, two: Invite): number =>
  Number(isOpen(two)) - Number(isOpen(one)) || (one.created_at < two.created_at ? 1 : -1);

function NewInvite({ entry, onMade }: { entry: RoomEntry; onMade: () => void }) {
  const [seconds, setSeconds] = useState<number>(7 * DAY);
  const [uses, setUses] = useState<number>(0);
  const [role, setRole] = useState<"moderator" | "member" | "guest">("member");
  const [busy, setBusy] = useState(false);
  const roles: readonly (typeof role)[] = [
    ...(mayChangeRoles(entry) && outranks(entry.role, "moderator") ? (["moderator"] as const) : []),
    ...(entry.role === "guest" ? [] : (["member"] as const)),
    "guest",
  ];
  const chosen: Role = roles.includes(role) ? role : "guest";
  const make = async (): Promise<void> => {
    setBusy(true);
    await attempt(async () => {
      const invite = await chat.api.post("/rooms/{room_id}/invites", {
        path: { room_id: entry.room },
        body: {
          role: chosen,
          expires_at: seconds === 0 ? null : new Date(Date.now() + seconds * 1000).toISOString(),
          max_uses: uses === 0 ? null : uses,
        },
      });
      onMade();
      await copyInvite(invite.code);
    });
    setBusy(false);
  };
  return (
    <form
      class="panel-section"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <div class="field-pair">
        <Choice
          label={t("works_for")}
          value={String(seconds)}
          options={LENGTHS.map(
            (value) => [String(value), value === 0 ? t("for_ever") : durationText(value)] as const,
          )}
          onChange={(value) => setSeconds(Number(value))}
        />
        <Choice
          label={t("max_uses")}
          value={String(uses)}
          options={USES.map(
            (value) =>
              [String(value), value === 0 ? t("any_number") : formatNumber(value)] as const,
          )}
          onChange={(value) => setUses(Number(value))}
        />
      </div>
      <Choice
        label={t("invited_become")}
        value={chosen}
        options={roles.map((value) => [value, t(value)] as const)}
        onChange={setRole}
      />
      <Button kind="primary" type="submit" disabled={busy}>
        <Icon icon={Link} size={16} />
        {t("make_invite")}
      </Button>
    </form>
  );
}

/** Where the browser forbids it, the link can be copied from the list by hand. */
async function copyInvite(code: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(inviteLink(code));
    inform(t("link_copied"));
  } catch {
    inform(t("invite_made"));
  }
}

interface RowProperties {
  readonly entry: RoomEntry;
  readonly invite: Invite;
  readonly onRevoke: () => void;
}

function InviteRow({ entry, invite, onRevoke }: RowProperties) {
  const [users, setUsers] = useState<readonly InviteUse[] | null>(null);
  const { max_uses, uses, expires_at, revoked_at, role, created_by } = invite;
  const open = isOpen(invite);
  const mine = created_by === myId.value || mayRemoveMembers(entry);
  const facts = [
    max_uses === null
      ? plural("use_count", uses)
      : t("uses_of", { uses: formatNumber(uses), max: formatNumber(max_uses) }),
    ...(role === "member" ? [] : [t(role)]),
    revoked_at !== null
      ? t("revoked")
      : expires_at !== null
        ? t(Date.parse(expires_at) > Date.now() ? "until_time" : "ended_at", {
            time: formatMoment(Date.parse(expires_at)),
          })
        : t("for_ever"),
  ];
  const show = (): void =>
    void attempt(async () => {
      const path = { room_id: entry.room, invite_id: invite.id };
      const page = await chat.api.get("/rooms/{room_id}/invites/{invite_id}/uses", { path });
      setUsers(page.items);
    });
  return (
    <article class="card invite" data-over={!open}>
      <div class="invite-link">
        <bdi dir="ltr" title={inviteLink(invite.code)}>
          {inviteLink(invite.code).replace(/^https?:\/\//, "")}
        </bdi>
        {open && (
          <IconButton
            icon={Copy}
            size={16}
            label={t("copy_link")}
            onClick={() => void copyInvite(invite.code)}
          />
        )}
      </div>
      <small>{facts.join(" · ")}</small>
      <small>{t("set_by", { name: nameOf(created_by) })}</small>
      <div class="card-actions">
        {uses > 0 && users === null && (
          <button type="button" onClick={show}>
            {t("who_came")}
          </button>
        )}
        {open && mine && (
          <button type="button" onClick={onRevoke}>
            {t("revoke")}
          </button>
        )}
      </div>
      {users !== null && (
        <ul class="invite-users" aria-label={t("who_came")}>
          {users.map(({ user, at }) => (
            <li key={user}>
              <Icon icon={Users} size={14} />
              <Name id={user} withUsername />
              <time dateTime={at}>{formatMoment(Date.parse(at))}</time>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}
