import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Member } from "chat-client";
import { chat } from "./chat";

const MAX_PAGES = 20;

interface MemberList {
  readonly value: Signal<readonly Member[] | null>;
  readonly roles: ReadonlySignal<ReadonlyMap<string, Member["role"]>>;
  at: number;
}

const lists = new Map<string, MemberList>();
const FRESH_MS = 60_000;

/** The members of a room, all of them in rooms of up to 2,000. Null until they are here. */
export function members(room: string): ReadonlySignal<readonly Member[] | null> {
  return listOf(room).value;
}

const asked = new Set<string>();

/** The members where a name depends on them: they are read once. */
export function knownMembers(room: string): readonly Member[] | undefined {
  const list = listOf(room);
  if (list.value.peek() === null && !asked.has(room)) {
    asked.add(room);
    queueMicrotask(() => void refreshMembers(room).catch(() => asked.delete(room))); // offline: later
  }
  return list.value.value ?? undefined;
}

/** The role of a member, as far as the members are known. */
export function roleOf(room: string, user: string): Member["role"] {
  return listOf(room).roles.value.get(user) ?? "member";
}

export async function membersOf(room: string): Promise<readonly Member[]> {
  const list = listOf(room);
  if (list.value.peek() === null || Date.now() - list.at > FRESH_MS) await refreshMembers(room);
  return list.value.peek() ?? [];
}

export async function refreshMembers(room: string): Promise<void> {
  const list = listOf(room);
  const all: Member[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer: { items: Member[]; next: string | null } = await chat.api.get(
      "/rooms/{room_id}/members",
      {
        path: { room_id: room },
        query: { limit: 100, ...(cursor === null ? {} : { cursor }) },
      },
    );
    all.push(...answer.items);
    cursor = answer.next;
    if (cursor === null) break;
  }
  list.value.value = all;
  list.at = Date.now();
}

function listOf(room: string): MemberList {
  let list = lists.get(room);
  if (list === undefined) {
    const value = signal<readonly Member[] | null>(null);
    const roles = computed(
      () => new Map((value.value ?? []).map(({ user, role }) => [user.id, role])),
    );
    list = { value, roles, at: 0 };
    lists.set(room, list);
  }
  return list;
}
