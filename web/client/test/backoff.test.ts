import { expect, test } from "vitest";
import { Backoff } from "../src/backoff.js";

test("a pause is drawn below a ceiling that doubles up to the maximum", () => {
  const backoff = new Backoff({ random: () => 1 });
  const pauses = Array.from({ length: 8 }, () => backoff.next());
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

test("only a connection that lasted resets the ceiling", () => {
  const backoff = new Backoff({ random: () => 1 });
  backoff.next();
  expect(backoff.resetAfter(59_999)).toBe(false);
  expect(backoff.next()).toBe(1000);
  expect(backoff.resetAfter(60_000)).toBe(true);
  expect(backoff.next()).toBe(500);
});
