import { expect, test, vi } from "vitest";
import type { RoomEntry } from "../src/index.js";
import { RoomList, toEntry } from "../src/room_list.js";
import { created, deleted, edited, ME, message, ROOM } from "./wire.js";

function entry(room: string, fields: Partial<RoomEntry> = {}): RoomEntry {
  return {
    room,
    kind: "private",
    name: room,
    topic: "",
    archived: false,
    seq: 5,
    unread: 0,
    ...fields,
  };
}

function frame(fields: object) {
  return { type: "rooms" as const, full: false, rooms: [], gone: [], ...fields };
}

function listOf(...rooms: RoomEntry[]) {
  const refreshed: string[] = [];
  const list = new RoomList(ME, (room) => refreshed.push(room));
  list.onFrame(frame({ full: true, rooms, snapshot: "s1" }));
  return { list, refreshed };
}

function names(list: RoomList): string[] {
  return list.value.get().map(({ room }) => room);
}

test("a full list replaces all rooms, other frames those that they name", () => {
  const { list } = listOf(entry("a"), entry("b"));
  list.onFrame(frame({ rooms: [entry("c")], gone: ["a"], snapshot: "s2" }));
  expect([names(list).sort(), list.snapshot]).toEqual([["b", "c"], "s2"]);
  list.onFrame(frame({ full: true, rooms: [entry("d")] }));
  list.onFrame(frame({ rooms: [entry("e")], snapshot: "s3" }));
  expect([names(list).sort(), list.snapshot]).toEqual([["d", "e"], "s3"]);
  expect(list.entry("b").get()).toBeUndefined();
});

test("the events of an open room go on with its entry, each once", () => {
  const { list } = listOf(entry(ROOM));
  const event = created(6);
  list.onEvent(event);
  list.onEvent(event);
  expect(list.entry(ROOM).get()).toMatchObject({ seq: 6, unread: 1, last_message: { text: "m6" } });
  list.onEvent(edited(7, message(6, { text: "better" })));
  expect(list.entry(ROOM).get()?.last_message?.text).toBe("better");
  list.onEvent(created(8, { sender: ME }));
  expect(list.entry(ROOM).get()).toMatchObject({ unread: 0, read_seq: 8 });
  list.onEvent(created(9, { thread: 6 }));
  expect(list.entry(ROOM).get()).toMatchObject({ seq: 9, unread: 0, last_message: { seq: 8 } });
});

test("an entry that events do not tell is read again, once for many of them", () => {
  vi.useFakeTimers();
  const { list, refreshed } = listOf(entry(ROOM));
  list.onEvent(created(6, { mentions: [ME] }));
  list.onEvent(deleted(7, 3));
  vi.runAllTimers();
  vi.useRealTimers();
  expect(refreshed).toEqual([ROOM]);
});

test("a room with a newer message comes first", () => {
  const last = (at: string) => ({ last_message: { seq: 1, sender: ME, at, text: "" } });
  const { list } = listOf(
    entry("old", last("2026-01")),
    entry("none"),
    entry("new", last("2026-02")),
  );
  expect(names(list)).toEqual(["new", "old", "none"]);
});

test("a room over HTTP becomes an entry without nulls", () => {
  const room = { id: "a", name: null, topic: "", created_at: "2026", unread: 0 };
  expect(toEntry(room)).toEqual({ room: "a", topic: "", unread: 0 });
});
