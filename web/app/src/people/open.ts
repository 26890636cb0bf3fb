import { signal } from "@preact/signals";
import { route } from "../router";

/** Whose profile is shown, beside which element, and where the name stood. */
export interface OpenProfile {
  readonly user: string;
  readonly anchor: HTMLElement;
  readonly room: string | null;
  /** The root of the thread; null outside of one. */
  readonly thread: number | null;
}

export const openProfile = signal<OpenProfile | null>(null);

export function showProfile(user: string, anchor: HTMLElement): void {
  const { room, thread } = route.peek();
  const inPanel = anchor.closest("aside") !== null;
  openProfile.value = { user, anchor, room, thread: inPanel ? thread : null };
}

export function closeProfile(): void {
  openProfile.value = null;
}
