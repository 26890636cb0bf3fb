import { computed } from "@preact/signals";
import { locale, t } from "./index";

const formats = computed(() => {
  const make = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat(locale.value, options);
  return {
    time: make({ hour: "2-digit", minute: "2-digit" }),
    day: make({ weekday: "long", day: "numeric", month: "long" }),
    dayAndYear: make({ day: "numeric", month: "long", year: "numeric" }),
    utcDay: make({ day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }),
    monthOfYear: make({ month: "long", year: "numeric", timeZone: "UTC" }),
    short: make({ day: "numeric", month: "short" }),
    full: make({ dateStyle: "full", timeStyle: "short" }),
    moment: make({
      weekday: "short",
      day: "numeric",
      month: "short",
      hour: "2-digit",
      minute: "2-digit",
    }),
    relative: new Intl.RelativeTimeFormat(locale.value, { numeric: "auto" }),
  };
});

const DAY_MS = 86_400_000;

export function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

export const formatTime = (at: number): string => formats.value.time.format(at);
export const formatFull = (at: number): string => formats.value.full.format(at);
export const formatMoment = (at: number): string => formats.value.moment.format(at);

/** "Today", "Yesterday", a weekday, or a date with its year when that is another one. */
export function formatDay(at: number, now = Date.now()): string {
  const days = Math.round((startOfDay(now) - startOfDay(at)) / DAY_MS);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return sameYear ? formats.value.day.format(at) : formats.value.dayAndYear.format(at);
}

/** "Until 15:00", with the day when that is another one. */
export function formatUntil(at: number, now = Date.now()): string {
  return t("until_time", {
    time: startOfDay(at) === startOfDay(now) ? formatTime(at) : formatMoment(at),
  });
}

/** A date as queries have it: a day, a month, a year, or a time. */
export function formatDate(text: string): string {
  const at = Date.parse(text);
  if (Number.isNaN(at)) return text;
  if (/^\d{4}$/.test(text)) return text;
  if (/^\d{4}-\d\d$/.test(text)) return formats.value.monthOfYear.format(at);
  return text.includes("T") ? formatMoment(at) : formats.value.utcDay.format(at);
}

/** A time today, otherwise a short date: for lists. */
export function formatShort(at: number, now = Date.now()): string {
  return startOfDay(at) === startOfDay(now) ? formatTime(at) : formats.value.short.format(at);
}

const UNITS = [
  ["day", DAY_MS],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** "10 minutes ago", "in 2 days". */
export function formatRelative(at: number, now = Date.now()): string {
  const distance = at - now;
  for (const [unit, size] of UNITS) {
    if (Math.abs(distance) >= size) {
      return formats.value.relative.format(Math.trunc(distance / size), unit);
    }
  }
  return t("just_now");
}
