import { expect, test } from "vitest";
import { ApiError, MemoryStorage } from "../src/index.js";
import { Outbox, type OutboxChange } from "../src/outbox.js";
import { SafeStorage } from "../src/safe_storage.js";
import { ROOM } from "./wire.js";

const at = "2026-11-28T09:30:00.123456Z";

function outboxOn(memory = new MemoryStorage(), options: { isFollowed?: boolean } = {}) {
  const changes: OutboxChange[] = [];
  const outbox = new Outbox({
    me: "ada",
    storage: new SafeStorage(memory),
    key: (nonce) => `outbox/${nonce}`,
    announce: (change) => changes.push(change),
    isFollowed: () => options.isFollowed ?? true,
  });
  return { outbox, changes, memory };
}

async function stored(memory: MemoryStorage): Promise<unknown[]> {
  return (await memory.list("outbox/")).map(([, entry]) => entry);
}

function pending(outbox: Outbox) {
  return outbox.pending(ROOM).map(({ text, pending }) => [text, pending]);
}

/** The nonces, in the order in which the leader hears of them. */
function announced(changes: OutboxChange[]): string[] {
  return changes.flatMap((change) => (change.kind === "put" ? change.entry.nonce : []));
}

async function settled(changes: OutboxChange[], count: number): Promise<void> {
  while (announced(changes).length < count) await Promise.resolve();
}

test("a message is shown at once and sent only after it is stored", async () => {
  const { outbox, changes, memory } = outboxOn();
  void outbox.add(ROOM, { text: "one" });
  expect(pending(outbox)).toEqual([["one", "sending"]]);
  expect([changes, outbox.unsent]).toEqual([[], []]);
  await settled(changes, 1);
  expect(pending(outbox)).toEqual([["one", "waiting"]]);
  expect(await stored(memory)).toMatchObject([{ content: { text: "one" } }]);
  expect(outbox.unsent).toHaveLength(1);
});

test("messages keep their order although they are stored one after the other", async () => {
  const { outbox, changes } = outboxOn();
  for (const text of ["a", "b", "c"]) void outbox.add(ROOM, { text });
  await settled(changes, 3);
  expect(announced(changes)).toEqual(outbox.unsent.map(({ nonce }) => nonce));
  expect(outbox.unsent.map(({ content }) => content.text)).toEqual(["a", "b", "c"]);
});

test("an ack deletes the entry, which is shown until the log has reached it", async () => {
  const { outbox, changes, memory } = outboxOn();
  const answer = outbox.add(ROOM, { text: "one", reply_to: 3 });
  await settled(changes, 1);
  const [nonce = ""] = announced(changes);
  await outbox.settle(nonce, { seq: 7, at });
  expect(await answer).toMatchObject({ seq: 7, at, text: "one", reply_to: 3, nonce });
  expect(await stored(memory)).toEqual([]);
  expect(pending(outbox)).toEqual([["one", undefined]]);
  expect(outbox.waiting.get()).toBe(0);
  outbox.onPosition(ROOM, 6);
  expect(pending(outbox)).toHaveLength(1);
  outbox.onPosition(ROOM, 7);
  expect(pending(outbox)).toEqual([]);
});

test("an entry of a room that nobody follows is not shown after its ack", async () => {
  const { outbox, changes } = outboxOn(new MemoryStorage(), { isFollowed: false });
  void outbox.add(ROOM, { text: "one" });
  await settled(changes, 1);
  await outbox.settle(announced(changes)[0] ?? "", { seq: 7, at });
  expect(pending(outbox)).toEqual([]);
});

test("a refused message stays with its reason and can be sent again or dropped", async () => {
  const { outbox, changes, memory } = outboxOn();
  const answer = outbox.add(ROOM, { text: "one" });
  await settled(changes, 1);
  const [nonce = ""] = announced(changes);
  await outbox.fail(nonce, new ApiError("forbidden", "You may not."));
  await expect(answer).rejects.toMatchObject({ code: "forbidden" });
  expect(outbox.pending(ROOM)[0]).toMatchObject({
    pending: "failed",
    error: { code: "forbidden" },
  });
  expect([outbox.unsent, outbox.waiting.get()]).toEqual([[], 0]);

  const again = outbox.retry(nonce);
  await settled(changes, 3);
  expect(outbox.unsent.map((entry) => entry.nonce)).toEqual([nonce]);
  await outbox.fail(nonce, new ApiError("forbidden", "You may not."));
  await expect(again).rejects.toThrow();

  void outbox.retry(nonce, "two");
  await settled(changes, 5);
  expect(pending(outbox)).toEqual([["two", "waiting"]]);
  const [other] = outbox.unsent;
  expect(other?.nonce).not.toBe(nonce);
  expect(await outbox.drop(other?.nonce ?? "")).toBe(true);
  expect([pending(outbox), await stored(memory)]).toEqual([[], []]);
});

test("a message that is being sent cannot be dropped", async () => {
  const { outbox, changes } = outboxOn();
  void outbox.add(ROOM, { text: "one" });
  await settled(changes, 1);
  const [nonce = ""] = announced(changes);
  outbox.mark(nonce, true);
  expect(pending(outbox)).toEqual([["one", "sending"]]);
  expect(await outbox.drop(nonce)).toBe(false);
});

test("the next run sends what is stored, before what is new, whatever the clock says", async () => {
  const { outbox, changes, memory } = outboxOn();
  void outbox.add(ROOM, { text: "old" });
  await settled(changes, 1);
  const [entry] = await stored(memory);
  const future = { ...(entry as object), order: Date.now() + 1e9 };
  await memory.write([[`outbox/${announced(changes)[0] ?? ""}`, future]]);
  const next = outboxOn(memory);
  await next.outbox.restore();
  void next.outbox.add(ROOM, { text: "new" });
  await settled(next.changes, 1);
  expect(next.outbox.unsent.map(({ content }) => content.text)).toEqual(["old", "new"]);
});

test("a late word of another tab does not bring back what is done", async () => {
  const { outbox, changes } = outboxOn();
  void outbox.add(ROOM, { text: "one" });
  await settled(changes, 1);
  const [put] = changes;
  const [nonce = ""] = announced(changes);
  await outbox.settle(nonce, { seq: 7, at });
  outbox.onPosition(ROOM, 7);
  if (put) outbox.apply(put);
  expect([pending(outbox), outbox.unsent]).toEqual([[], []]);
});
