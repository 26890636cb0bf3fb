import { signal } from "@preact/signals";
import { myId } from "../state/chat";

const MAX = 8;

/** What was searched on this device, the last first. */
export const recent = signal<readonly string[]>([]);

const key = (): string => `chat.searches.${myId.peek()}`;

export function loadRecent(): void {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key()) ?? "[]");
    recent.value = Array.isArray(stored) ? stored.filter((text) => typeof text === "string") : [];
  } catch {
    recent.value = [];
  }
}

export function remember(query: string): void {
  keep([query, ...recent.peek().filter((other) => other !== query)].slice(0, MAX));
}

export function forget(query: string): void {
  keep(recent.peek().filter((other) => other !== query));
}

export function forgetAll(): void {
  keep([]);
}

function keep(queries: readonly string[]): void {
  recent.value = queries;
  try {
    localStorage.setItem(key(), JSON.stringify(queries));
  } catch {
    // Without storage they are known until the page is closed.
  }
}
