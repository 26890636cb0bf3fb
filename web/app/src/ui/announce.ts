import { signal } from "@preact/signals";

/** What a screen reader says next, politely. The shell shows it in a live region. */
export const announcement = signal("");

export function announce(text: string): void {
  announcement.value = announcement.peek() === text ? `${text}\u00a0` : text;
}
