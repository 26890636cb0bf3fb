import { dayIn, startOfDayIn } from "./zones";

const DAY_MS = 86_400_000;
const MINUTES = { half_hour: 30, hour: 60, four_hours: 240 } as const;

export const ends = ["half_hour", "hour", "four_hours", "today", "this_week", "never"] as const;
export type End = (typeof ends)[number];

/** How many minutes an end is away that is a length of time. */
export const minutesOf = (end: keyof typeof MINUTES): number => MINUTES[end];

export const isLength = (end: End): end is keyof typeof MINUTES => Object.hasOwn(MINUTES, end);

/** When something ends that begins now: null for never. Days and weeks end with their last
 * millisecond in the time zone; `firstDay` of the week is 1 for Monday and 7 for Sunday. */
export function endOf(end: End, now: number, zone: string, firstDay = 1): number | null {
  if (end === "never") return null;
  if (isLength(end)) return now + minutesOf(end) * 60_000;
  const day = dayIn(now, zone);
  const sinceFirst = (new Date(day).getUTCDay() - (firstDay % 7) + 7) % 7;
  const days = end === "today" ? 1 : 7 - sinceFirst;
  return startOfDayIn(day + days * DAY_MS, zone) - 1;
}

interface WeekInfo {
  readonly firstDay: number;
}

/** Browsers have it as a method, as a property, or not at all: then weeks begin on Monday. */
export function firstDayOfWeek(locale: string): number {
  const known = new Intl.Locale(locale) as Intl.Locale & {
    getWeekInfo?: () => WeekInfo;
    weekInfo?: WeekInfo;
  };
  return (known.getWeekInfo?.() ?? known.weekInfo)?.firstDay ?? 1;
}
