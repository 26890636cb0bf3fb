import { offsetAt, ownZone } from "../state/zones";
import { locale, t } from "./index";

/** What time it is in a time zone, and how far that is from here. The weekday is there where it is
 * another one. Null for a zone that the browser does not know. */
export function localTime(
  zone: string,
  now: number,
  here = ownZone(),
): { readonly time: string; readonly difference: string } | null {
  try {
    const minutes = Math.round((offsetAt(now, zone) - offsetAt(now, here)) / 60_000);
    const format = (timeZone: string, options: Intl.DateTimeFormatOptions): string =>
      new Intl.DateTimeFormat(locale.value, { ...options, timeZone }).format(now);
    const weekday = { weekday: "short" } as const;
    const clock = { hour: "2-digit", minute: "2-digit" } as const;
    const sameDay = format(zone, weekday) === format(here, weekday);
    return {
      time: format(zone, sameDay ? clock : { ...weekday, ...clock }),
      difference: differenceText(minutes),
    };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function differenceText(minutes: number): string {
  if (minutes === 0) return t("same_time");
  const hours = new Intl.NumberFormat(locale.value, {
    style: "unit",
    unit: "hour",
    unitDisplay: "long",
    maximumFractionDigits: 2,
  }).format(Math.abs(minutes) / 60);
  return minutes > 0 ? t("ahead_of_you", { hours }) : t("behind_you", { hours });
}
