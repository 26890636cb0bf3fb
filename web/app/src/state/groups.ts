import { signal, type Signal } from "@preact/signals";
import type { Group } from "chat-client";
import { chat } from "./chat";

const FRESH_MS = 60_000;
const PAGE = 100;

const groups = new Map<string, Signal<Group | undefined>>();
const asked = new Set<string>();
let first: { readonly at: number; readonly complete: boolean; readonly items: readonly Group[] } = {
  at: 0,
  complete: false,
  items: [],
};

const fold = (name: string): string => name.normalize("NFKC").toLowerCase();

/** A user group, once it is known; it is asked for when it is not. */
export function groupOf(id: string): Group | undefined {
  const group = place(id);
  if (group.value === undefined && !asked.has(id)) {
    asked.add(id);
    queueMicrotask(() => {
      chat.api.get("/groups/{group_id}", { path: { group_id: id } }).then(
        (found) => keepGroup(found),
        () => setTimeout(() => asked.delete(id), FRESH_MS), // offline, or deleted
      );
    });
  }
  return group.value;
}

export function keepGroup(group: Group): void {
  place(group.id).value = group;
}

/** The groups may have been changed: the next completion reads them again. */
export function forgetGroups(): void {
  first = { at: 0, complete: false, items: [] };
}

/** A group that the page has met, by its handle. */
export function groupNamed(handle: string): Group | undefined {
  const wanted = fold(handle);
  for (const { value } of groups.values()) {
    if (value !== undefined && fold(value.handle) === wanted) return value;
  }
  return undefined;
}

/** Groups whose handle begins with a text, at most `limit`. On most servers one page has all of
 * them: it is read once in a minute. */
export async function findGroups(prefix: string, limit: number): Promise<readonly Group[]> {
  if (Date.now() - first.at > FRESH_MS) {
    const page = await chat.api.get("/groups", { query: { limit: PAGE } });
    first = { at: Date.now(), complete: page.next === null, items: page.items };
    page.items.forEach(keepGroup);
  }
  if (first.complete) return matchingGroups(first.items, prefix).slice(0, limit);
  const query = prefix === "" ? { limit } : { limit, query: prefix };
  const { items } = await chat.api.get("/groups", { query });
  items.forEach(keepGroup);
  return items;
}

/** Those whose handle begins with the text, then those whose display name has it. */
export function matchingGroups(items: readonly Group[], text: string): readonly Group[] {
  const wanted = fold(text);
  const begin = items.filter(({ handle }) => fold(handle).startsWith(wanted));
  const have = items.filter(
    (group) => !begin.includes(group) && fold(group.display_name).includes(wanted),
  );
  return [...begin, ...have];
}

function place(id: string): Signal<Group | undefined> {
  let group = groups.get(id);
  if (group === undefined) {
    group = signal(undefined);
    groups.set(id, group);
  }
  return group;
}
