import { computed, signal } from "@preact/signals";

export const panels = [
  "search",
  "members",
  "pins",
  "room",
  "room-audit",
  "room-filters",
  "room-invites",
  "room-permissions",
  "room-reports",
  "room-requests",
  "room-sanctions",
  "notifications",
  "threads",
  "mentions",
  "saved",
  "scheduled",
  "preferences",
  "status",
  "audit-log",
  "blocked",
  "filters",
  "group",
  "groups",
  "my-reports",
  "reports",
  "shortcuts",
] as const;
export type Panel = (typeof panels)[number];

/** What the address names. A thread is a panel with the `seq` of its root. */
export interface Route {
  readonly room: string | null;
  /** The message to show, from a link. */
  readonly message: number | null;
  readonly thread: number | null;
  readonly panel: Panel | null;
  /** What is searched, in the panel for it. */
  readonly query: string | null;
  /** The id of a user group, in the panel of one. */
  readonly group: string | null;
  /** The code of an invite link. */
  readonly invite: string | null;
}

const HOME: Route = {
  room: null,
  message: null,
  thread: null,
  panel: null,
  query: null,
  group: null,
  invite: null,
};
const ID = /^[0-9a-f-]{36}$/i;
const INVITE = /^\/invite\/([\w-]{1,64})$/;
const MAX_QUERY = 500;
const ROOM = /^\/r\/([0-9a-f-]{36})(?:\/(\d{1,15}))?$/i;

export function parseAddress(path: string, search: string): Route {
  const values = new URLSearchParams(search);
  const panel = panels.find((name) => name === values.get("panel") || path === `/${name}`) ?? null;
  const query = panel === "search" ? (values.get("q")?.slice(0, MAX_QUERY) ?? null) : null;
  const id = values.get("group") ?? "";
  const group = panel === "group" && ID.test(id) ? id.toLowerCase() : null;
  const match = ROOM.exec(path);
  if (match === null)
    return { ...HOME, panel, query, group, invite: INVITE.exec(path)?.[1] ?? null };
  return {
    room: (match[1] ?? "").toLowerCase(),
    message: match[2] === undefined ? null : Number(match[2]),
    thread: /^\d{1,15}$/.test(values.get("thread") ?? "") ? Number(values.get("thread")) : null,
    panel,
    query,
    group,
    invite: null,
  };
}

export function formatAddress(route: Route): string {
  const values = new URLSearchParams();
  if (route.thread !== null) values.set("thread", String(route.thread));
  else if (route.panel !== null) values.set("panel", route.panel);
  if (route.panel === "search" && route.query) values.set("q", route.query);
  if (route.panel === "group" && route.group !== null) values.set("group", route.group);
  const suffix = values.size > 0 ? `?${values.toString()}` : "";
  if (route.room === null)
    return `/${route.invite === null ? "" : `invite/${route.invite}`}${suffix}`;
  return `/r/${route.room}${route.message === null ? "" : `/${route.message}`}${suffix}`;
}

const current = signal<Route>(parseAddress(location.pathname, location.search));
/** Counts navigations, so that the same link shows its message again. */
export const visit = signal(0);
export const route = computed(() => current.value);

export function startRouter(): void {
  addEventListener("popstate", () => {
    current.value = parseAddress(location.pathname, location.search);
    visit.value += 1;
  });
}

export function navigate(change: Partial<Route>, how: "push" | "replace" = "push"): void {
  const next = { ...HOME, ...change };
  const address = formatAddress(next);
  if (address === location.pathname + location.search) how = "replace";
  history[how === "push" ? "pushState" : "replaceState"]({ inside: true }, "", address);
  current.value = next;
  visit.value += 1;
}

export const addressOf = (room: string): string => formatAddress({ ...HOME, room });
export const openRoom = (room: string): void => navigate({ room });
export const openMessage = (room: string, message: number): void => navigate({ room, message });
export const openThread = (room: string, thread: number, message: number | null = null): void =>
  navigate({ room, thread, message });

/** Opens a panel beside what is shown. */
export function openPanel(panel: Panel): void {
  navigate({ ...current.peek(), thread: null, panel, query: null, group: null });
}

/** Opens the panel of a user group beside what is shown. */
export function openGroup(group: string): void {
  navigate({ ...current.peek(), thread: null, panel: "group", query: null, group });
}

/** Opens the search beside what is shown. */
export function openSearch(query: string): void {
  navigate({ ...current.peek(), thread: null, panel: "search", query, group: null });
}

/** The query is being typed: the address follows, and nothing else moves. */
export function replaceQuery(query: string): void {
  const next = { ...current.peek(), query: query === "" ? null : query };
  history.replaceState(history.state, "", formatAddress(next));
  current.value = next;
}

export function togglePanel(panel: Panel): void {
  if (current.peek().panel === panel) closePanel();
  else openPanel(panel);
}

export function closePanel(): void {
  navigate({
    ...current.peek(),
    thread: null,
    panel: null,
    query: null,
    group: null,
    message: null,
  });
}

export function showRooms(): void {
  navigate({});
}

export function linkTo(room: string, message: number): string {
  return `${location.origin}/r/${room}/${message}`;
}

export function inviteLink(code: string): string {
  return `${location.origin}/invite/${code}`;
}
