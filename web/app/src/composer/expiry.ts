import { signal, type Signal } from "@preact/signals";
import type { RoomEntry } from "chat-client";
import { Check } from "lucide-preact";
import { t } from "../i18n";
import { timeFromThen } from "../i18n/durations";
import { myId } from "../state/chat";
import type { MenuItem } from "../ui/menu";

const HOUR = 3600;
const DAY = 24 * HOUR;
const LENGTHS = [300, HOUR, 8 * HOUR, DAY, 7 * DAY, 30 * DAY] as const;

const timers = new Map<string, Signal<number>>();

/** After how many seconds messages of a room or a thread disappear that are sent from here; 0: never.
 * It stays until it is changed, or the page is left. */
export function expiryOf(room: string, thread: number | null): Signal<number> {
  const place = `${myId.peek()} ${room} ${thread ?? ""}`;
  let timer = timers.get(place);
  if (timer === undefined) {
    timer = signal(0);
    timers.set(place, timer);
  }
  return timer;
}

/** What can be chosen where the room itself keeps messages for so many days. */
export function lengthsWithin(days: number | null): readonly number[] {
  return LENGTHS.filter((seconds) => days === null || seconds < days * DAY);
}

export function expiryMenu(entry: RoomEntry, expiry: Signal<number>): MenuItem[][] {
  const item = (seconds: number): MenuItem => ({
    label: seconds === 0 ? t("never") : capitalize(timeFromThen(seconds)),
    ...(seconds === expiry.peek() ? { icon: Check } : {}),
    checked: seconds === expiry.peek(),
    run: () => (expiry.value = seconds),
  });
  return [[item(0)], lengthsWithin(entry.settings?.retention_days ?? null).map(item)];
}

const capitalize = (text: string): string => text.charAt(0).toLocaleUpperCase() + text.slice(1);
