const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** The time zone that this device is set to. */
export const ownZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** How far the clocks of a time zone are ahead of UTC, in ms. Throws RangeError for a zone that the
 * browser does not know. */
export function offsetAt(at: number, zone: string): number {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(zone, format);
  }
  const shown = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes): number => shown.get(name) ?? 0;
  const clock = Date.UTC(
    part("year"),
    part("month") - 1,
    part("day"),
    part("hour"),
    part("minute"),
    part("second"),
  );
  return clock - Math.floor(at / 1000) * 1000;
}

/** The midnight (as if it was UTC) with which the day of `at` begins in a time zone. */
export function dayIn(at: number, zone: string): number {
  return Math.floor((at + offsetAt(at, zone)) / DAY_MS) * DAY_MS;
}

/** When a day begins in a time zone. Where the clocks skip midnight it is their first moment. */
export function startOfDayIn(day: number, zone: string): number {
  const [late, early] = [offsetAt(day - DAY_MS, zone), offsetAt(day + DAY_MS, zone)].sort(
    (one, two) => one - two,
  ) as [number, number];
  const first = day - early;
  return first + offsetAt(first, zone) >= day ? first : day - late;
}
