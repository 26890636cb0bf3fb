import { effect } from "@preact/signals";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { insertWord } from "../src/composer/edits";
import { activeStatus, statusText, type Status } from "../src/state/status";

const NOW = Date.parse("2026-11-30T12:00:00Z");
const status = (until?: string): Status => ({
  emoji: "🌴",
  text: "On holiday",
  ...(until === undefined ? {} : { until }),
});

beforeEach(() => vi.useFakeTimers({ now: NOW }));
afterEach(() => {
  vi.runAllTimers();
  vi.useRealTimers();
});

it("a status without an end stays, and one that has ended is gone", () => {
  expect(activeStatus(status())).not.toBeNull();
  expect(activeStatus(status("2026-11-30T12:00:01Z"))).not.toBeNull();
  expect(activeStatus(status("2026-11-30T12:00:00Z"))).toBeNull();
  expect(activeStatus(null)).toBeNull();
});

it("what shows a status is told when the status ends", () => {
  const shown: boolean[][] = [];
  const statuses = [status("2026-11-30T17:30:00Z"), status("2026-11-30T12:00:10Z")];
  const stop = effect(() => void shown.push(statuses.map((one) => activeStatus(one) !== null)));
  vi.advanceTimersByTime(9_999);
  expect(shown).toEqual([[true, true]]);
  vi.advanceTimersByTime(1);
  expect(shown.at(-1)).toEqual([true, false]);
  vi.advanceTimersByTime(6 * 3_600_000);
  expect(shown.at(-1)).toEqual([false, false]);
  stop();
});

it("the text of a status has its emoji first, if there is one", () => {
  expect(statusText(status())).toBe("🌴 On holiday");
  expect(statusText({ text: "Away" })).toBe("Away");
  expect(statusText({ emoji: "🌴", text: "" })).toBe("🌴");
});

it.each([
  ["", "@ada "],
  ["Hello ", "Hello @ada "],
  ["Hello", "Hello @ada "],
])("a mention is apart from the text before it: %j", (text, expected) => {
  const at = text.length;
  expect(insertWord({ text, start: at, end: at }, "@ada").text).toBe(expected);
});
