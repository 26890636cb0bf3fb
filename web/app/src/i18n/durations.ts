import { locale } from "./index";

const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;

/** "5 minutes", "1 hour", "30 days". */
export function durationText(seconds: number): string {
  const [unit, size] = unitOf(seconds);
  return new Intl.NumberFormat(locale.value, {
    style: "unit",
    unit,
    unitDisplay: "long",
  }).format(seconds / size);
}

/** "in 5 minutes", "in 1 hour": from a time on that is still to come. */
export function timeFromThen(seconds: number): string {
  const [unit, size] = unitOf(seconds);
  return new Intl.RelativeTimeFormat(locale.value).format(seconds / size, unit);
}

const unitOf = (seconds: number): (typeof UNITS)[number] =>
  UNITS.find(([, length]) => seconds % length === 0) ?? UNITS[3];
