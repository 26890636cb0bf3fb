import {
  AlarmClock,
  Bell,
  Copy,
  EyeOff,
  Flag,
  Forward,
  History,
  Link,
  Pencil,
  Pin,
  PinOff,
  Smile,
  Trash2,
  UserCheck,
} from "lucide-preact";
import type { TimelineMessage } from "chat-client";
import { showDialog } from "../dialogs/open";
import { rememberEmoji } from "../emoji/data";
import { t } from "../i18n";
import { linkTo, openThread } from "../router";
import { myId, roomEntry } from "../state/chat";
import { attempt, inform } from "../state/errors";
import { isSaved } from "../state/items";
import { roleOf } from "../state/members";
import { mayDeleteOthers, mayPin } from "../state/permissions";
import { blockItem, sanctionItems } from "../panel/member-menu";
import type { MenuItem } from "../ui/menu";
import type { Place } from "./context";

export function startReply(place: Place, message: TimelineMessage): void {
  place.replyTo.value = message;
  place.focusComposer();
}

export function toggleReaction(place: Place, message: TimelineMessage, emoji: string): void {
  const mine = message.reacted.includes(emoji);
  if (!mine) rememberEmoji(emoji);
  void attempt(() => place.room[mine ? "unreact" : "react"](message.seq, emoji));
}

export async function toggleSaved({ room }: Place, { seq }: TimelineMessage): Promise<void> {
  if (isSaved(room.id, seq)) await room.unsave(seq);
  else await room.save(seq);
}

async function copy(text: string, done: string): Promise<void> {
  await navigator.clipboard.writeText(text);
  inform(done);
}

export function deleteMessage({ room }: Place, { seq }: TimelineMessage): void {
  showDialog({
    kind: "confirm",
    title: t("delete_message"),
    text: t("delete_message_text"),
    action: t("delete"),
    run: () => room.delete(seq),
  });
}

export function messageMenu(place: Place, message: TimelineMessage): MenuItem[][] {
  const { room, editing } = place;
  const { seq } = message;
  const entry = roomEntry(room.id);
  const mine = message.sender === myId.peek();
  const when = (condition: boolean, item: MenuItem): MenuItem[] => (condition ? [item] : []);
  return [
    [
      ...when(mine && !message.poll, {
        label: t("edit"),
        icon: Pencil,
        keys: "E",
        run: () => (editing.value = message.key),
      }),
      {
        label: t("forward"),
        icon: Forward,
        run: () => showDialog({ kind: "forward", room: room.id, message }),
      },
      { label: t("copy_text"), icon: Copy, run: () => void copy(message.text, t("copied")) },
      {
        label: t("copy_link"),
        icon: Link,
        run: () => void copy(linkTo(room.id, seq), t("link_copied")),
      },
    ],
    [
      ...when(entry !== undefined && mayPin(entry), {
        label: message.pin ? t("unpin") : t("pin"),
        icon: message.pin ? PinOff : Pin,
        run: () => void attempt(() => (message.pin ? room.unpin(seq) : room.pin(seq))),
      }),
      {
        label: t("remind_me"),
        icon: AlarmClock,
        run: () => showDialog({ kind: "remind", room: room.id, seq }),
      },
      ...when(place.thread === null, {
        label: t("mark_unread"),
        icon: EyeOff,
        run: () => void attempt(() => room.markUnread(seq)),
      }),
    ],
    [
      ...when((message.reactions?.length ?? 0) > 0, {
        label: t("who_reacted"),
        icon: Smile,
        run: () => showDialog({ kind: "reacted", room: room.id, seq }),
      }),
      {
        label: t("read_by"),
        icon: UserCheck,
        run: () => showDialog({ kind: "read-by", room: room.id, seq }),
      },
      ...when(message.edit != null, {
        label: t("earlier_versions"),
        icon: History,
        run: () => showDialog({ kind: "versions", room: room.id, seq }),
      }),
      ...when(!mine, {
        label: t("why_notified"),
        icon: Bell,
        run: () => showDialog({ kind: "why", room, seq }),
      }),
    ],
    entry === undefined || mine
      ? []
      : sanctionItems(entry, message.sender, roleOf(room.id, message.sender)),
    mine
      ? []
      : [
          blockItem(message.sender),
          {
            label: t("report"),
            icon: Flag,
            run: () => showDialog({ kind: "report", room: room.id, user: message.sender, seq }),
          },
        ],
    when(mine || (entry !== undefined && mayDeleteOthers(entry)), {
      label: t("delete"),
      icon: Trash2,
      danger: true,
      run: () => deleteMessage(place, message),
    }),
  ];
}

/** The keys of a message that has the focus. True if there is one. */
export function runKey(key: string, place: Place, message: TimelineMessage): boolean {
  if (message.deletion || message.pending) return false;
  const mine = message.sender === myId.peek();
  const actions: Readonly<Record<string, (() => void) | undefined>> = {
    r: () => startReply(place, message),
    e: mine && !message.poll ? () => (place.editing.value = message.key) : undefined,
    t: () => openThread(place.room.id, message.thread ?? message.seq),
    s: () => void attempt(() => toggleSaved(place, message)),
    Delete: mine ? () => deleteMessage(place, message) : undefined,
  };
  const action = actions[key];
  action?.();
  return action !== undefined;
}
