import {
  Ban,
  Crown,
  UserCheck,
  UserX,
  Flag,
  MessageSquare,
  Shield,
  TimerOff,
  UserMinus,
} from "lucide-preact";
import type { Role, RoomEntry } from "chat-client";
import { showDialog } from "../dialogs/open";
import { writeTo } from "../dialogs/write-to";
import { t } from "../i18n";
import { chat } from "../state/chat";
import { attempt } from "../state/errors";
import {
  mayChangeRoles,
  mayRemoveMembers,
  mayTimeOut,
  outranks,
  roles,
} from "../state/permissions";
import { block, isBlocked, unblock } from "../state/blocks";
import type { MenuItem } from "../ui/menu";

/** Against whom a moderator acts: beside a member, and beside what they have written. */
export function sanctionItems(entry: RoomEntry, user: string, role: Role): MenuItem[] {
  if (!outranks(entry.role, role) || entry.archived) return [];
  const { room } = entry;
  const open = (what: "time-out" | "ban") => () =>
    showDialog({ kind: "sanction", room, user, what });
  return [
    ...(mayTimeOut(entry) && role !== "owner"
      ? [{ label: t("time_out"), icon: TimerOff, danger: true, run: open("time-out") }]
      : []),
    ...(mayRemoveMembers(entry)
      ? [{ label: t("ban_from_room"), icon: Ban, danger: true, run: open("ban") }]
      : []),
  ];
}

/** Blocks somebody, or ends that. */
export function blockItem(user: string): MenuItem {
  return isBlocked(user)
    ? { label: t("unblock"), icon: UserCheck, run: () => void unblock(user) }
    : { label: t("block"), icon: UserX, run: () => void block(user) };
}

export function memberMenu(entry: RoomEntry, user: string, name: string, role: Role): MenuItem[][] {
  return [
    [
      {
        label: t("write_message"),
        icon: MessageSquare,
        run: () => void attempt(() => writeTo([user])),
      },
    ],
    ...memberActions(entry, user, name, role),
  ];
}

/** What one does with a member beside writing to them: acts as a moderator, blocks, reports. */
export function memberActions(
  entry: RoomEntry,
  user: string,
  name: string,
  role: Role,
): MenuItem[][] {
  const path = { room_id: entry.room, user_id: user };
  const set = (next: Role): MenuItem => ({
    label: t(`make_${next}`),
    icon: Shield,
    run: () =>
      void attempt(() =>
        chat.api.patch("/rooms/{room_id}/members/{user_id}", { path, body: { role: next } }),
      ),
  });
  const acts = outranks(entry.role, role) && !entry.archived;
  const given = roles.filter((next) => next !== role && outranks(entry.role, next)).toReversed();
  return [
    acts && mayChangeRoles(entry) ? given.map(set) : [],
    entry.role === "owner" && !entry.archived
      ? [
          {
            label: t("transfer_ownership"),
            icon: Crown,
            run: () =>
              showDialog({
                kind: "confirm",
                title: t("transfer_ownership"),
                text: t("transfer_text", { name }),
                action: t("transfer_ownership"),
                run: () =>
                  chat.api.post("/rooms/{room_id}/transfer", {
                    path: { room_id: entry.room },
                    body: { user },
                  }),
              }),
          },
        ]
      : [],
    [
      ...(acts && mayRemoveMembers(entry)
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
        : []),
      ...sanctionItems(entry, user, role),
    ],
    [
      blockItem(user),
      {
        label: t("report"),
        icon: Flag,
        run: () => showDialog({ kind: "report", room: entry.room, user }),
      },
    ],
  ];
}
