import { afterEach, describe, expect, it } from "vitest";
import { setLanguage } from "../src/i18n";
import { languageName } from "../src/i18n/language-names";
import { localTime } from "../src/i18n/zones";
import { offsetAt } from "../src/state/zones";

const NOW = Date.parse("2026-11-30T20:05:00Z");

afterEach(() => setLanguage("en"));

it("the offset of a time zone follows its summer time", () => {
  const HOUR = 3_600_000;
  expect(offsetAt(Date.parse("2026-01-15T12:00:00Z"), "Europe/Berlin")).toBe(HOUR);
  expect(offsetAt(Date.parse("2026-07-15T12:00:00.250Z"), "Europe/Berlin")).toBe(2 * HOUR);
  expect(offsetAt(Date.parse("1969-07-20T20:17:40.500Z"), "UTC")).toBe(0);
});

describe("local time", () => {
  it.each([
    ["America/New_York", "03:05 PM", "6 hours behind you"],
    ["Europe/Berlin", "09:05 PM", "same time as you"],
    ["Europe/London", "08:05 PM", "1 hour behind you"],
    ["Asia/Kathmandu", "Tue 01:50 AM", "4.75 hours ahead of you"],
  ])("of %s is as its clocks show it", (zone, time, difference) => {
    const local = localTime(zone, NOW, "Europe/Berlin");
    expect(local?.time.replaceAll("\u202f", " ").replace(",", "")).toBe(time);
    expect(local?.difference).toBe(difference);
  });

  it("is in the language of the page", async () => {
    await setLanguage("de");
    const local = localTime("Asia/Tokyo", NOW, "Europe/Berlin");
    expect(local?.time).toMatch(/^Di\.?, 05:05$/);
    expect(local?.difference).toBe("8 Stunden vor dir");
  });

  it("is unknown for a zone that the browser does not have", () => {
    expect(localTime("Mars/Olympus", NOW)).toBeNull();
  });
});

it("a language is named in its own words", () => {
  expect(languageName("de")).toBe("Deutsch");
  expect(languageName("pt-BR")).toMatch(/portugu/i);
  expect(languageName("not a tag")).toBe("not a tag");
});
