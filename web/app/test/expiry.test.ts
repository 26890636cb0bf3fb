import { signal } from "@preact/signals";
import type { RoomEntry } from "chat-client";
import { afterEach, describe, expect, it } from "vitest";
import { expiryMenu, expiryOf, lengthsWithin } from "../src/composer/expiry";
import { setLanguage } from "../src/i18n";
import { timeFromThen } from "../src/i18n/durations";

const DAY = 86_400;

afterEach(() => setLanguage("en"));

describe("messages that disappear", () => {
  it("do so before the room deletes all messages", () => {
    expect(lengthsWithin(null).at(-1)).toBe(30 * DAY);
    expect(lengthsWithin(7)).toEqual([300, 3600, 8 * 3600, DAY]);
  });

  it("have a timer of their own in each room and thread", () => {
    expiryOf("a", null).value = 300;
    expect(expiryOf("a", null).value).toBe(300);
    expect(expiryOf("a", 1).value).toBe(0);
    expect(expiryOf("b", null).value).toBe(0);
  });

  it("are chosen in a menu that marks the present choice", () => {
    const expiry = signal(0);
    const entry = { settings: { retention_days: 1 } } as RoomEntry;
    const items = () => expiryMenu(entry, expiry).flat();
    expect(items().map(({ label }) => label)).toEqual([
      "Never",
      "In 5 minutes",
      "In 1 hour",
      "In 8 hours",
    ]);
    items()[2]?.run();
    expect(expiry.value).toBe(3600);
    expect(items().flatMap(({ label, checked }) => (checked ? [label] : []))).toEqual([
      "In 1 hour",
    ]);
  });

  it("say when in the grammar of the language", async () => {
    await setLanguage("de");
    expect(timeFromThen(7 * DAY)).toBe("in 7 Tagen");
    await setLanguage("zh");
    expect(timeFromThen(3600)).toBe("1小时后");
  });
});
