import { describe, expect, it } from "vitest";
import { endOf, firstDayOfWeek, type End } from "../src/state/ends";

const SUNDAY = 7;
const SATURDAY = 6;

function end(which: End, now: string, zone: string, firstDay?: number): string | null {
  const at = endOf(which, Date.parse(now), zone, firstDay);
  return at === null ? null : new Date(at).toISOString();
}

describe("the end of a status", () => {
  it.each([
    ["half_hour", "2026-11-30T10:30:00.000Z"],
    ["hour", "2026-11-30T11:00:00.000Z"],
    ["four_hours", "2026-11-30T14:00:00.000Z"],
    ["never", null],
  ] as const)("%s does not depend on the time zone", (which, expected) => {
    expect(end(which, "2026-11-30T10:00:00Z", "Asia/Tokyo")).toBe(expected);
    expect(end(which, "2026-11-30T10:00:00Z", "America/New_York")).toBe(expected);
  });

  it.each([
    ["UTC", "2026-11-30T23:59:59.999Z"],
    ["Asia/Tokyo", "2026-12-01T14:59:59.999Z"], // it is the next day there already
    ["America/New_York", "2026-12-01T04:59:59.999Z"],
    ["Asia/Kathmandu", "2026-12-01T18:14:59.999Z"],
  ])("today ends with the day of %s", (zone, expected) => {
    expect(end("today", "2026-11-30T18:30:00Z", zone)).toBe(expected);
  });

  it.each([
    ["23 hours", "2026-03-29T01:30:00Z", "Europe/Berlin", "2026-03-29T21:59:59.999Z"],
    ["25 hours", "2026-10-24T22:30:00Z", "Europe/Berlin", "2026-10-25T22:59:59.999Z"],
    ["a skipped midnight", "2026-04-23T12:00:00Z", "Africa/Cairo", "2026-04-23T21:59:59.999Z"],
    [
      "an hour before midnight twice",
      "2026-10-29T12:00:00Z",
      "Africa/Cairo",
      "2026-10-29T21:59:59.999Z",
    ],
  ])("today is right on a day with %s", (_, now, zone, expected) => {
    expect(end("today", now, zone)).toBe(expected);
  });

  it.each([
    ["Monday", "2026-11-30T10:00:00Z", 1, "2026-12-06T23:59:59.999Z"],
    ["its last day", "2026-12-06T10:00:00Z", 1, "2026-12-06T23:59:59.999Z"],
    [
      "Monday, with Sunday as the first day",
      "2026-11-30T10:00:00Z",
      SUNDAY,
      "2026-12-05T23:59:59.999Z",
    ],
    ["Saturday as the first day", "2026-12-05T10:00:00Z", SATURDAY, "2026-12-11T23:59:59.999Z"],
  ])("this week ends with its last day: %s", (_, now, firstDay, expected) => {
    expect(end("this_week", now, "UTC", firstDay)).toBe(expected);
  });

  it("this week is that of the time zone", () => {
    expect(end("this_week", "2026-11-29T20:00:00Z", "Asia/Tokyo")).toBe("2026-12-06T14:59:59.999Z");
    expect(end("this_week", "2026-11-29T20:00:00Z", "UTC")).toBe("2026-11-29T23:59:59.999Z");
  });
});

it("weeks begin as the locale has it", () => {
  expect(firstDayOfWeek("en-GB")).toBe(1);
  expect(firstDayOfWeek("en-US")).toBe(SUNDAY);
});
