import { expect, it } from "vitest";
import { Heights } from "../src/timeline/heights";

const keys = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `k${from + index}`);

it("heights are estimates until they are measured", () => {
  const heights = new Heights(() => 10);
  heights.setKeys(keys(0, 5));
  expect(heights.total).toBe(50);
  expect(heights.measure("k1", 30)).toBe(true);
  expect(heights.measure("k1", 30)).toBe(false);
  expect([heights.top(1), heights.top(2), heights.total]).toEqual([10, 40, 70]);
});

it("the row at an offset is the one that begins at it or before it", () => {
  const heights = new Heights(() => 10);
  heights.setKeys(keys(0, 100));
  heights.measure("k2", 50);
  expect([0, 9, 10, 20, 69, 70, 5000].map((offset) => heights.find(offset))).toEqual([
    0, 0, 1, 2, 2, 3, 99,
  ]);
});

it("rows before keep their measured heights, and move the others down", () => {
  const heights = new Heights(() => 10);
  heights.setKeys(keys(50, 60));
  heights.measure("k55", 40);
  expect(heights.top(heights.indexOf("k56") ?? -1)).toBe(90);
  heights.setKeys(keys(0, 60));
  expect(heights.top(heights.indexOf("k56") ?? -1)).toBe(590);
  heights.setKeys(keys(55, 61));
  expect(heights.indexOf("k54")).toBeUndefined();
  expect(heights.total).toBe(90);
});

it("an empty list has no height", () => {
  const heights = new Heights(() => 10);
  heights.setKeys([]);
  expect([heights.total, heights.find(100)]).toEqual([0, 0]);
});
