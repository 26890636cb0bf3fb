import type { Room } from "chat-client";
import { t } from "../i18n";
import { myId, rooms } from "../state/chat";
import { roomName, isPeople } from "../state/people";
import { findGroups } from "../state/groups";
import { searchEmoji } from "../emoji/data";
import { membersOf } from "../state/members";
import { commands } from "./commands";
import type { Trigger } from "./trigger";

export interface Candidate {
  readonly key: string;
  /** What the text becomes; a command runs instead. */
  readonly insert: string;
  readonly label: string;
  readonly detail: string;
  readonly person?: string;
  /** Several people. */
  readonly many?: boolean;
  readonly emoji?: string;
  readonly run?: () => void;
}

const MAX = 8;
const MAX_GROUPS = 4;

export async function findCandidates(trigger: Trigger, room: Room): Promise<readonly Candidate[]> {
  switch (trigger.kind) {
    case "person":
      return people(trigger.query, room.id);
    case "room":
      return publicRooms(trigger.query);
    case "emoji":
      return (await searchEmoji(trigger.query, MAX)).map(({ emoji, code, name }) => ({
        key: emoji,
        insert: `${emoji} `,
        label: `:${code}:`,
        detail: name,
        emoji,
      }));
    case "command":
      return commands(room)
        .filter(({ name }) => name.startsWith(trigger.query.toLowerCase()))
        .map(({ name, detail, run }) => ({
          key: name,
          insert: "",
          label: `/${name}`,
          detail,
          run,
        }));
  }
}

async function people(query: string, room: string): Promise<readonly Candidate[]> {
  const [members, groups] = await Promise.all([
    membersOf(room),
    findGroups(query, MAX_GROUPS).catch(() => []), // offline: people only
  ]);
  const wanted = query.toLocaleLowerCase();
  const rank = (name: string): number => {
    const at = name.toLocaleLowerCase().indexOf(wanted);
    return at === -1 ? 3 : at === 0 ? 0 : /[\s._-]/.test(name[at - 1] ?? "") ? 1 : 2;
  };
  const named = members
    .filter(({ user }) => user.id !== myId.peek())
    .map(({ user }) => ({ user, rank: Math.min(rank(user.username), rank(user.display_name)) }))
    .filter(({ rank: place }) => place < 3)
    .sort(
      (one, two) =>
        one.rank - two.rank || one.user.display_name.localeCompare(two.user.display_name),
    );
  const candidates: Candidate[] = [
    ...named.slice(0, MAX - groups.length).map(({ user }) => ({
      key: user.id,
      insert: `@${user.username} `,
      label: user.display_name,
      detail: `@${user.username}`,
      person: user.id,
    })),
    ...groups.map(({ id, handle, display_name }) => ({
      key: id,
      insert: `@${handle} `,
      label: display_name,
      detail: `@${handle}`,
      many: true,
    })),
  ];
  for (const [name, detail] of [
    ["room", t("mention_room")],
    ["here", t("mention_here")],
  ] as const) {
    if (name.startsWith(wanted))
      candidates.push({ key: name, insert: `@${name} `, label: `@${name}`, detail, many: true });
  }
  return candidates;
}

function publicRooms(query: string): readonly Candidate[] {
  const wanted = query.toLocaleLowerCase();
  return rooms
    .peek()
    .filter((entry) => !isPeople(entry) && roomName(entry).toLocaleLowerCase().includes(wanted))
    .slice(0, MAX)
    .map((entry) => ({
      key: entry.room,
      insert: `[#${roomName(entry)}](${location.origin}/r/${entry.room}) `,
      label: `#${roomName(entry)}`,
      detail: entry.topic,
    }));
}
