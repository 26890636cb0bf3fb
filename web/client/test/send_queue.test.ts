import { expect, test } from "vitest";
import { ApiError } from "../src/errors.js";
import type { OutboxEntry } from "../src/outbox_entry.js";
import { OVERDUE_MS, SendQueue } from "../src/send_queue.js";

let orders = 0;

function entry(nonce: string, room = "r"): OutboxEntry {
  orders += 1;
  return { nonce, room, order: orders, created_at: 0, content: { text: nonce } };
}

function queueOf(...nonces: string[]): SendQueue {
  const queue = new SendQueue();
  for (const nonce of nonces) queue.add(entry(nonce));
  return queue;
}

function due(queue: SendQueue, now = 0): string[] {
  return queue.due(now).map(({ nonce }) => nonce);
}

const busy = new ApiError("busy", "later", { retry: "after", retry_after_ms: 100 });
const limited = new ApiError("rate_limited", "later", { retry: "after", retry_after_ms: 100 });
const unsure = new ApiError("unknown_outcome", "again", { retry: "now" });
const forbidden = new ApiError("forbidden", "no");

test("one message of a room is in flight, and the next one follows its ack", () => {
  const queue = queueOf("a", "b");
  expect(due(queue)).toEqual(["a"]);
  queue.markSent("a", 1, 0);
  expect(due(queue)).toEqual([]);
  expect(queue.onAck(1)?.nonce).toBe("a");
  expect(queue.onAck(1)).toBeUndefined();
  expect(due(queue)).toEqual(["b"]);
});

test("rooms do not wait for each other, up to sixteen messages in flight", () => {
  const queue = new SendQueue();
  for (let n = 0; n < 20; n += 1) queue.add(entry(`n${String(n)}`, `r${String(n)}`));
  const first = due(queue);
  expect(first).toHaveLength(16);
  first.forEach((nonce, index) => {
    queue.markSent(nonce, index, 0);
  });
  expect(due(queue)).toEqual([]);
  queue.onAck(3);
  expect(due(queue)).toEqual(["n16"]);
});

test("a lost connection makes the message in flight due again, before later ones", () => {
  const queue = queueOf("a", "b");
  queue.markSent("a", 1, 0);
  expect(queue.onDisconnected()).toEqual(["a"]);
  expect(due(queue)).toEqual(["a"]);
  queue.markSent("a", 2, 0);
  expect(queue.onAck(1)).toBeUndefined();
  expect(queue.onAck(2)?.nonce).toBe("a");
});

test("a message without an answer is repeated on the same connection", () => {
  const queue = queueOf("a");
  queue.markSent("a", 1, 0);
  expect(queue.nextDue()).toBe(OVERDUE_MS);
  expect(due(queue, OVERDUE_MS)).toEqual(["a"]);
});

test("a refusal for good takes one message out and lets the next one pass", () => {
  const queue = queueOf("a", "b");
  queue.markSent("a", 1, 0);
  expect(queue.onRefused(1, forbidden, 0)?.nonce).toBe("a");
  expect(due(queue)).toEqual(["b"]);
});

test.each([busy, limited])("after $code all rooms pause and the order stays", (error) => {
  const queue = queueOf("a", "b");
  queue.add(entry("other", "s"));
  queue.markSent("a", 1, 0);
  expect(queue.onRefused(1, error, 50)).toBeUndefined();
  expect([due(queue, 149), queue.nextDue()]).toEqual([[], 150]);
  expect(due(queue, 150)).toEqual(["a", "other"]);
});

test("after an unknown outcome the same message is sent at once", () => {
  const queue = queueOf("a", "b");
  queue.markSent("a", 1, 0);
  queue.onRefused(1, unsure, 7);
  expect(due(queue, 7)).toEqual(["a"]);
});

test("a refusal without an id repeats what is in flight", () => {
  const queue = queueOf("a");
  queue.markSent("a", 1, 0);
  queue.onRefused(undefined, unsure, 0);
  expect(due(queue)).toEqual(["a"]);
});

test("an older message of another tab does not overtake the one in flight", () => {
  const queue = new SendQueue();
  const older = entry("older");
  queue.add(entry("a"));
  queue.markSent("a", 1, 0);
  queue.add(older);
  expect(due(queue)).toEqual([]);
  queue.onAck(1);
  expect(due(queue)).toEqual(["older"]);
});

test("a message is queued once, and a dropped one is not sent", () => {
  const queue = new SendQueue();
  const twice = entry("a");
  queue.add(twice);
  queue.add(twice);
  queue.remove("a");
  expect([due(queue), queue.nextDue()]).toEqual([[], Infinity]);
});
