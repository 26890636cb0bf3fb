import { expect, test } from "vitest";
import { RoomCursor } from "../src/room_cursor.js";
import { created, EPOCH, opened } from "./wire.js";

function seqs(cursor: RoomCursor): number[] {
  return cursor.popReady().map((event) => event.seq);
}

/** Reproducible numbers from 0 to 1. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

test("a room without a position begins at its head", () => {
  const cursor = new RoomCursor();
  cursor.add([created(6)]);
  expect(seqs(cursor)).toEqual([]);
  cursor.opened(opened(5, 5), EPOCH);
  expect(seqs(cursor)).toEqual([6]);
});

test("duplicates are dropped and a gap is read before what follows it", () => {
  const cursor = new RoomCursor(4, EPOCH);
  cursor.opened(opened(4, 9), EPOCH);
  cursor.add([created(5), created(5), created(4), created(8)]);
  expect(seqs(cursor)).toEqual([5]);
  expect(cursor.gap).toEqual({ after: 5, until: 7 });
  cursor.add([created(6), created(7)]);
  expect(seqs(cursor)).toEqual([6, 7, 8]);
  expect(cursor.gap).toBeUndefined();
});

test("what the server skips is read from the log", () => {
  const cursor = new RoomCursor(4, EPOCH);
  cursor.opened(opened(4, 900, { state: "limited", resume: 800 }), EPOCH);
  expect(cursor.gap).toEqual({ after: 4, until: 800 });
});

test("a socket that was opened from a later position leaves a gap", () => {
  const cursor = new RoomCursor(4, EPOCH);
  cursor.opened(opened(7, 7), EPOCH);
  expect(cursor.gap).toEqual({ after: 4, until: 7 });
});

test.each([
  ["of a reset", opened(50, 9, { state: "reset" }), EPOCH],
  ["of another epoch", opened(9, 9), "another"],
])("a position %s is void and the room continues at the head", (_, frame, epoch) => {
  const cursor = new RoomCursor(50, EPOCH);
  const { generation } = cursor;
  expect(cursor.opened(frame, epoch)).toBe(true);
  expect([cursor.seq, cursor.epoch, cursor.gap]).toEqual([9, epoch, undefined]);
  expect(cursor.generation).toBeGreaterThan(generation);
});

test("only so many early events are kept, and the log has the others", () => {
  const cursor = new RoomCursor(0, EPOCH);
  for (let seq = 2000; seq > 1; seq -= 1) cursor.add([created(seq)]);
  expect(cursor.gap).toEqual({ after: 0, until: 1 });
  cursor.add([created(1)]);
  expect(seqs(cursor).at(-1)).toBe(1000);
  expect(cursor.gap).toEqual({ after: 1000, until: 2000 });
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])("the log is dense whatever is lost (seed %i)", (seed) => {
  const random = dice(seed);
  const cursor = new RoomCursor(0, EPOCH);
  cursor.opened(opened(0, 0), EPOCH);
  const log: number[] = [];
  for (let head = 1; head <= 200; head += 1) {
    if (random() < 0.6) cursor.add([created(head)]);
    if (random() < 0.3) cursor.add([created(1 + Math.floor(random() * head))]);
    log.push(...seqs(cursor));
    const { gap } = cursor;
    if (!gap || random() < 0.5) continue;
    for (let seq = gap.after + 1; seq <= gap.until; seq += 1) cursor.add([created(seq)]);
    log.push(...seqs(cursor));
  }
  expect(log).toEqual(Array.from({ length: log.length }, (_, index) => index + 1));
  expect(log.length).toBeGreaterThan(150);
});
