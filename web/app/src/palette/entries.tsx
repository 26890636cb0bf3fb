import {
  AtSign,
  Bell,
  Bookmark,
  Hash,
  Keyboard,
  LogOut,
  MessageSquareText,
  Moon,
  Plus,
  Search,
  Settings,
  SmilePlus,
  SquarePen,
  Users,
} from "lucide-preact";
import type { LucideIcon } from "lucide-preact";
import type { SearchResults, User } from "chat-client";
import type { ComponentChildren } from "preact";
import type { PublicRoomFound } from "../dialogs/search";
import { showDialog } from "../dialogs/open";
import { writeTo } from "../dialogs/write-to";
import { t } from "../i18n";
import { openPanel, openRoom, openSearch } from "../router";
import { openHit } from "../search/hit";
import { snippet } from "../search/snippet";
import { shownPeople, shownRooms } from "../sidebar/order";
import { PersonSign, RoomSign } from "../sidebar/room-sign";
import { chat, myId, roomEntry } from "../state/chat";
import { isPeople, nameOf, othersOf, roomName } from "../state/people";
import { preferences, setPreference } from "../state/preferences";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/button";

export interface Entry {
  readonly key: string;
  readonly sign: ComponentChildren;
  readonly label: string;
  readonly detail: string;
  /** Whom it leads to; their status is shown. */
  readonly person?: string;
  readonly hint?: string;
  readonly run: () => unknown;
}

/** 0: begins with it; 1: a word does; 2: it is inside; 3: it is not there. */
export function rank(name: string, wanted: string): number {
  const at = name.toLocaleLowerCase().indexOf(wanted.toLocaleLowerCase());
  if (at < 0) return 3;
  return at === 0 ? 0 : /[\s._-]/.test(name[at - 1] ?? "") ? 1 : 2;
}

export function roomEntries(text: string, prefix: string): Entry[] {
  const all = [...shownRooms.peek(), ...shownPeople.peek()].filter(
    (entry) => prefix === "" || isPeople(entry) === (prefix === "@"),
  );
  const weight = (unread: number | undefined): number => ((unread ?? 0) > 0 ? 0 : 1);
  return all
    .map((entry) => ({ entry, rank: rank(roomName(entry), text) }))
    .filter((item) => item.rank < 3)
    .sort((one, two) => one.rank - two.rank || weight(one.entry.unread) - weight(two.entry.unread))
    .map(({ entry }) => ({
      key: entry.room,
      sign: <RoomSign entry={entry} />,
      label: roomName(entry),
      detail: entry.topic,
      ...(entry.kind === "direct" ? { person: othersOf(entry)[0] ?? "" } : {}),
      ...((entry.unread ?? 0) > 0 ? { hint: t("unread_hint") } : {}),
      run: () => openRoom(entry.room),
    }));
}

/** People without a direct room yet. */
export function personEntries(users: readonly User[]): Entry[] {
  const known = new Set(
    shownPeople
      .peek()
      .filter((entry) => entry.kind === "direct")
      .flatMap(othersOf),
  );
  return users
    .filter((user) => user.id !== myId.peek() && !known.has(user.id))
    .map((user) => ({
      key: user.id,
      sign: <PersonSign id={user.id} />,
      person: user.id,
      label: user.display_name,
      detail: `@${user.username}`,
      hint: t("write"),
      run: () => writeTo([user.id]),
    }));
}

export function joinEntries(found: readonly PublicRoomFound[]): Entry[] {
  return found
    .filter((room) => roomEntry(room.id) === undefined)
    .map((room) => ({
      key: `join ${room.id}`,
      sign: <Icon icon={Hash} />,
      label: room.name,
      detail: room.topic,
      hint: t("join"),
      run: async () => {
        await chat.api.post("/rooms/{room_id}/join", { path: { room_id: room.id } });
        openRoom(room.id);
      },
    }));
}

/** Messages that match, and the way to all of them. */
export function messageEntries(text: string, found: SearchResults | null): Entry[] {
  const hits = (found?.messages ?? []).map((hit): Entry => {
    const entry = roomEntry(hit.room);
    return {
      key: `message ${hit.room} ${hit.message.seq}`,
      sign: <Avatar id={hit.message.sender} name={nameOf(hit.message.sender)} size={20} />,
      label: nameOf(hit.message.sender),
      detail: snippet(hit.message.text || (hit.message.forwarded?.text ?? ""), hit.highlights)
        .map((piece) => piece.text)
        .join(""),
      ...(entry === undefined ? {} : { hint: roomName(entry) }),
      run: () => openHit(hit),
    };
  });
  return [
    ...hits,
    {
      key: "search",
      sign: <Icon icon={Search} />,
      label: t("search_for", { query: text }),
      detail: "",
      run: () => openSearch(text),
    },
  ];
}

export function actionEntries(text: string): Entry[] {
  const action = (icon: LucideIcon, label: string, run: () => unknown): Entry => ({
    key: label,
    sign: <Icon icon={icon} />,
    label,
    detail: "",
    run,
  });
  const dark = preferences.peek().theme === "dark";
  return [
    action(SquarePen, t("new_conversation"), () => showDialog({ kind: "new-people" })),
    action(Plus, t("new_room"), () => showDialog({ kind: "new-room" })),
    action(Search, t("search_messages"), () => openSearch("")),
    action(MessageSquareText, t("threads"), () => openPanel("threads")),
    action(AtSign, t("mentions"), () => openPanel("mentions")),
    action(Bookmark, t("saved"), () => openPanel("saved")),
    action(Users, t("user_groups"), () => openPanel("groups")),
    action(Bell, t("notification_settings"), () => openPanel("notifications")),
    action(SmilePlus, t("set_status"), () => openPanel("status")),
    action(Settings, t("preferences"), () => openPanel("preferences")),
    action(Keyboard, t("shortcuts"), () => openPanel("shortcuts")),
    action(Moon, dark ? t("light_theme") : t("dark_theme"), () =>
      setPreference("theme", dark ? "light" : "dark"),
    ),
    action(LogOut, t("sign_out"), () => chat.signOut()),
  ].filter((entry) => rank(entry.label, text) < 3);
}
