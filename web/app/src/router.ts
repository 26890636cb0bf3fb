import { computed, signal } from "@preact/signals";

export const panels = [
  "members",
  "pins",
  "room",
  "notifications",
  "threads",
  "mentions",
  "saved",
  "scheduled",
  "preferences",
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
}

const HOME: Route = { room: null, message: null, thread: null, panel: null };
const ROOM = /^\/r\/([0-9a-f-]{36})(?:\/(\d{1,15}))?$/i;

export function parseAddress(path: string, query: string): Route {
  const values = new URLSearchParams(query);
  const panel = panels.find((name) => name === values.get("panel") || path === `/${name}`) ?? null;
  const match = ROOM.exec(path);
  if (match === null) return { ...HOME, panel };
  return {
    room: (match[1] ?? "").toLowerCase(),
    message: match[2] === undefined ? null : Number(match[2]),
    thread: /^\d{1,15}$/.test(values.get("thread") ?? "") ? Number(values.get("thread")) : null,
    panel,
  };
}

export function formatAddress(route: Route): string {
  const query = new URLSearchParams();
  if (route.thread !== null) query.set("thread", String(route.thread));
  else if (route.panel !== null) query.set("panel", route.panel);
  const suffix = query.size > 0 ? `?${query.toString()}` : "";
  if (route.room === null) return `/${suffix}`;
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

export const openRoom = (room: string): void => navigate({ room });
export const openMessage = (room: string, message: number): void => navigate({ room, message });
export const openThread = (room: string, thread: number, message: number | null = null): void =>
  navigate({ room, thread, message });

/** Opens a panel beside what is shown. */
export function openPanel(panel: Panel): void {
  navigate({ ...current.peek(), thread: null, panel });
}

export function togglePanel(panel: Panel): void {
  if (current.peek().panel === panel) closePanel();
  else openPanel(panel);
}

export function closePanel(): void {
  navigate({ ...current.peek(), thread: null, panel: null, message: null });
}

export function showRooms(): void {
  navigate({});
}

export function linkTo(room: string, message: number): string {
  return `${location.origin}/r/${room}/${message}`;
}
