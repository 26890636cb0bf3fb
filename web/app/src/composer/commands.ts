import type { Room } from "chat-client";
import { t } from "../i18n";
import { openPanel } from "../router";
import { showDialog } from "../dialogs/open";

export interface Command {
  readonly name: string;
  readonly detail: string;
  readonly run: () => void;
}

export function commands(room: Room): readonly Command[] {
  return [
    { name: "poll", detail: t("create_poll"), run: () => showDialog({ kind: "poll", room }) },
    {
      name: "remind",
      detail: t("remind_me"),
      run: () => showDialog({ kind: "remind", room: room.id, seq: null }),
    },
    { name: "members", detail: t("members"), run: () => openPanel("members") },
    { name: "groups", detail: t("user_groups"), run: () => openPanel("groups") },
    { name: "pins", detail: t("pinned_messages"), run: () => openPanel("pins") },
    { name: "mute", detail: t("notifications"), run: () => openPanel("notifications") },
    { name: "settings", detail: t("room_settings"), run: () => openPanel("room") },
    { name: "shortcuts", detail: t("shortcuts"), run: () => openPanel("shortcuts") },
  ];
}
