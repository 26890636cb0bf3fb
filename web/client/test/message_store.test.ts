import { expect, test } from "vitest";
import { MessageStore, ROOM_STREAM } from "../src/message_store.js";
import type { RoomEvent } from "../src/index.js";
import { created, deleted, edited, joined, ME, message, OTHER, page, reacted } from "./wire.js";

const ALL = Number.MAX_SAFE_INTEGER - 1;

/** A store that has the newest page of a room whose head is `position`. */
function loaded(position: number, newest = page([message(1), message(2)])): MessageStore {
  const store = new MessageStore(ME, () => undefined);
  store.finishLoad(store.beginLoad(position), ROOM_STREAM, {}, newest);
  return store;
}

function texts(store: MessageStore, stream = ROOM_STREAM): string[] {
  return store.view(stream, 0, ALL).map(({ text }) => text);
}

test("new messages follow the page, and an event that comes again changes nothing", () => {
  const store = loaded(2);
  const events = [created(3), joined(4), created(5)];
  for (const event of [...events, ...events]) store.apply(event);
  expect(texts(store)).toEqual(["m1", "m2", "m3", "m5"]);
  expect(store.ranges(ROOM_STREAM).at(5)).toEqual({ from: 0, to: 5 });
});

test("an edit that comes while an older page is on its way is not undone by it", () => {
  const store = new MessageStore(ME, () => undefined);
  const load = store.beginLoad(2);
  store.apply(edited(3, message(1, { text: "new" })));
  store.apply(deleted(4, 2));
  store.apply(created(5));
  store.finishLoad(load, ROOM_STREAM, {}, page([message(1), message(2)]));
  expect(texts(store)).toEqual(["new", "", "m5"]);
  expect(store.get(2)?.deletion?.by).toBe(OTHER);
  expect(store.ranges(ROOM_STREAM).at(5)).toEqual({ from: 0, to: 5 });
});

test("a page of a room that was reset meanwhile is discarded", () => {
  const store = new MessageStore(ME, () => undefined);
  const load = store.beginLoad(2);
  store.clear();
  store.finishLoad(load, ROOM_STREAM, {}, page([message(1)]));
  expect(texts(store)).toEqual([]);
});

test("events about messages that are not loaded show nothing", () => {
  const store = loaded(9, page([message(8), message(9)], { before: 8 }));
  store.apply(edited(10, message(3, { text: "unseen" })));
  store.apply(deleted(11, 4));
  expect(texts(store)).toEqual(["m8", "m9"]);
});

test("a new message does not join a window that does not reach to it", () => {
  const store = new MessageStore(ME, () => undefined);
  const load = store.beginLoad(50);
  const around = page([message(10), message(11)], { before: 10, after: 11 });
  store.finishLoad(load, ROOM_STREAM, { around: 10 }, around);
  store.apply(created(51));
  expect(texts(store)).toEqual(["m10", "m11"]);
  expect(store.get(51)).toBeUndefined();
});

test("the user's reactions come from pages and go on with events of the user", () => {
  const store = loaded(2, page([message(1)], { reacted: [{ seq: 1, emoji: "👍" }] }));
  store.apply(reacted(3, "reaction.added", message(1), ME));
  store.apply(reacted(4, "reaction.added", message(1), ME));
  store.apply(reacted(5, "reaction.added", message(1), OTHER, "👀"));
  expect(store.get(1)?.reacted).toEqual(["👍", "🎉"]);
  store.apply(reacted(6, "reaction.removed", message(1), ME, "👍"));
  expect(store.get(1)?.reacted).toEqual(["🎉"]);
  store.apply(deleted(7, 1));
  expect(store.get(1)).toMatchObject({ text: "", reply_to: null, reacted: [] });
  expect(store.get(1)?.reactions).toBeUndefined();
});

test("a quote shows the message as it is, wherever that is known from", () => {
  const quoted = [{ seq: 1, sender: OTHER, text: "far", deleted: false }];
  const store = loaded(9, page([message(9, { reply_to: 1 })], { before: 9, quoted }));
  expect(store.get(9)?.quote?.text).toBe("far");
  store.apply(edited(10, message(1, { text: "edited" })));
  expect(store.get(9)?.quote?.text).toBe("edited");
  store.apply(created(11, { reply_to: 9 }));
  expect(store.get(11)?.quote?.text).toBe("m9");
  store.apply(deleted(12, 1, 9));
  expect(store.get(9)?.quote).toBeUndefined();
  expect(store.get(11)?.quote).toMatchObject({ text: "", deleted: true });
});

test("a quoted message that was changed while it was read is shown as changed", () => {
  const store = loaded(9, page([message(9, { reply_to: 1 })], { before: 9 }));
  const load = store.beginLoad(9);
  store.apply(edited(10, message(1, { text: "newer" })));
  store.finishQuote(load, message(1, { text: "older" }));
  expect(store.get(9)?.quote?.text).toBe("newer");
});

test("replies stay in their thread, also when they are deleted", () => {
  const store = loaded(2);
  store.finishLoad(store.beginLoad(2), 1, {}, page([]));
  store.apply(created(3, { thread: 1 }));
  store.apply(created(4, { thread: 1, also_in_room: true }));
  expect([texts(store), texts(store, 1)]).toEqual([
    ["m1", "m2", "m4"],
    ["m3", "m4"],
  ]);
  store.apply(deleted(5, 3));
  expect(store.view(1, 0, ALL).map(({ seq }) => seq)).toEqual([3, 4]);
  expect(store.view(ROOM_STREAM, 0, ALL).map(({ seq }) => seq)).toEqual([1, 2, 4]);
});

test("what is stored fits its position and can be continued", () => {
  const events: RoomEvent[] = [created(3, { reply_to: 1 }), edited(4, message(2, { text: "b" }))];
  const store = loaded(2, page([message(1), message(2)], { reacted: [{ seq: 1, emoji: "👍" }] }));
  const stored = store.export(2, 100);
  expect(stored).toBeDefined();
  const again = new MessageStore(ME, () => undefined);
  if (stored) again.import(structuredClone(stored));
  for (const event of events) {
    store.apply(event);
    again.apply(event);
  }
  expect(again.view(ROOM_STREAM, 0, ALL)).toEqual(store.view(ROOM_STREAM, 0, ALL));
  expect(store.export(4, 2)?.from).toBe(2);
});

test("messages outside of the intervals are forgotten, and can be loaded again", () => {
  const store = loaded(9, page([1, 2, 3, 4, 5, 6].map((seq) => message(seq))));
  store.retain(ROOM_STREAM, [
    { from: 2, to: 3 },
    { from: 5, to: 9 },
  ]);
  expect(texts(store)).toEqual(["m2", "m3", "m5", "m6"]);
  expect(store.ranges(ROOM_STREAM).at(4)).toBeUndefined();
  expect(store.ranges(ROOM_STREAM).at(9)).toEqual({ from: 5, to: 9 });
});
