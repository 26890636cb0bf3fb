import { expect, test } from "vitest";
import { ApiError, MemoryStorage, type Message, type MessagePage, waitFor } from "../src/index.js";
import { ROOM_STREAM } from "../src/message_store.js";
import { MessageWindow } from "../src/message_window.js";
import type { PageQuery } from "../src/message_views.js";
import { RoomLog } from "../src/room_log.js";
import { SafeStorage } from "../src/safe_storage.js";
import { created, deleted, EPOCH, ME, message, opened, page, ROOM } from "./wire.js";

/** A server with one room, whose messages are its whole log. */
class Server {
  queries: PageQuery[] = [];
  read_events = 0;
  is_down = false;
  beforeAnswer: () => void = () => undefined;

  constructor(public head: number) {}

  page({ before, after, around, limit = 50 }: PageQuery): MessagePage {
    this.queries.push({ ...(before === undefined ? {} : { before }) });
    if (this.is_down) throw new ApiError("unreachable", "down", { retry: "now" });
    const all = Array.from({ length: this.head }, (_, index) => index + 1);
    let part = all.slice(-limit);
    if (before !== undefined) part = all.filter((seq) => seq < before).slice(-limit);
    if (after !== undefined) part = all.filter((seq) => seq > after).slice(0, limit);
    if (around !== undefined) part = all.slice(Math.max(0, around - limit / 2 - 1)).slice(0, limit);
    const first = part[0] ?? 0;
    const last = part.at(-1) ?? 0;
    const answer = page(
      part.map((seq) => message(seq)),
      { before: first > 1 ? first : null, after: last < this.head ? last : null },
    );
    this.beforeAnswer();
    return answer;
  }
}

async function openRoom(server: Server) {
  const log: RoomLog = new RoomLog(ROOM, {
    me: ME,
    storage: new SafeStorage(new MemoryStorage()),
    key: (room) => room,
    readEvents: (_, { after, until }) => {
      server.read_events += 1;
      const items = [];
      for (let seq = after + 1; seq <= Math.min(until, after + 100); seq += 1) {
        items.push(created(seq));
      }
      return Promise.resolve({ epoch: EPOCH, items, next: null });
    },
    readPage: (_, __, query) => Promise.resolve().then(() => server.page(query)),
    readMessage: (_, seq): Promise<Message> => Promise.resolve(message(seq)),
    want: (it) => {
      it.onOpened(opened(server.head, server.head), EPOCH);
    },
    unwant: () => undefined,
    reopen: () => undefined,
  });
  log.open();
  const window = new MessageWindow(
    log,
    ROOM_STREAM,
    () => [],
    () => undefined,
  );
  await waitFor(log.state, (state) => state === "open");
  return { log, window };
}

/** A window that shows the newest page. */
async function openWindow(server: Server) {
  const room = await openRoom(server);
  await waitFor(room.window.items, (items) => items.length > 0);
  return room;
}

function bounds(window: MessageWindow): [first: number | undefined, last: number | undefined] {
  const items = window.items.get();
  return [items[0]?.seq, items.at(-1)?.seq];
}

function isDense(window: MessageWindow): boolean {
  const [first = 0] = bounds(window);
  return window.items.get().every((item, index) => item.seq === first + index);
}

test("the window shows the newest page and follows the log", async () => {
  const { log, window } = await openWindow(new Server(200));
  expect([bounds(window), window.at_end.get(), window.at_start.get()]).toEqual([
    [151, 200],
    true,
    false,
  ]);
  log.onEvent(created(201));
  await waitFor(window.items, (items) => items.at(-1)?.seq === 201);
  log.onEvent(deleted(202, 201));
  await waitFor(window.items, (items) => items.at(-1)?.text === "");
});

test("pages before the window are added until the room begins", async () => {
  const { window } = await openWindow(new Server(120));
  await Promise.all([window.loadBefore(), window.loadBefore()]);
  expect(bounds(window)).toEqual([21, 120]);
});

test("every page before is read once", async () => {
  const server = new Server(120);
  const { window } = await openWindow(server);
  while (!window.at_start.get()) await window.loadBefore();
  expect(bounds(window)).toEqual([1, 120]);
  expect(isDense(window)).toBe(true);
  const { length } = server.queries;
  await window.loadBefore();
  expect(server.queries).toHaveLength(length);
});

test("a jump shows both sides, and reading on reaches the end and what is new", async () => {
  const { log, window } = await openWindow(new Server(300));
  await window.jumpTo(100);
  expect(window.items.get().some(({ seq }) => seq === 100)).toBe(true);
  expect(window.at_end.get()).toBe(false);
  log.onEvent(created(301));
  expect(bounds(window)[1]).toBeLessThan(301);
  while (!window.at_end.get()) await window.loadAfter();
  expect(bounds(window)[1]).toBe(301);
  expect(isDense(window)).toBe(true);
});

test("an event that comes while the first page is read is shown once", async () => {
  const server = new Server(10);
  const { log, window } = await openRoom(server);
  server.beforeAnswer = () => {
    server.beforeAnswer = () => undefined;
    log.onEvent(created(11));
    log.onEvent(deleted(12, 3));
  };
  await waitFor(window.items, (items) => items.length > 0);
  expect(bounds(window)).toEqual([1, 11]);
  expect(window.items.get()[2]?.text).toBe("");
});

test("a very long gap is not read: the window begins again with the newest page", async () => {
  const server = new Server(10);
  const { log, window } = await openWindow(server);
  server.head = 5000;
  log.onOpened(opened(10, 5000, { state: "limited", resume: 4900 }), EPOCH);
  await waitFor(window.items, (items) => items.at(-1)?.seq === 5000);
  expect(server.read_events).toBe(0);
  expect(isDense(window)).toBe(true);
  log.onEvent(created(4901));
  expect(log.cursor.seq).toBe(4901);
  await waitFor(window.items, (items) => items.length === 50);
});

test("a shorter gap is read from the log", async () => {
  const server = new Server(10);
  const { log, window } = await openWindow(server);
  server.head = 400;
  log.onOpened(opened(10, 400, { state: "limited", resume: 390 }), EPOCH);
  for (let seq = 391; seq <= 400; seq += 1) log.onEvent(created(seq));
  await waitFor(window.items, (items) => items.at(-1)?.seq === 400);
  expect(isDense(window)).toBe(true);
});

test("a page that could not be read is read when the room is opened again", async () => {
  const server = new Server(10);
  server.is_down = true;
  const { log, window } = await openRoom(server);
  await waitFor(window.error, (error) => error !== null);
  server.is_down = false;
  log.onOpened(opened(10, 10), EPOCH);
  await waitFor(window.items, (items) => items.length === 10);
  expect(window.error.get()).toBeNull();
});

test("a window stays small while somebody reads far back, and can return", async () => {
  const { log, window } = await openWindow(new Server(15_000));
  for (let pages = 0; pages < 260; pages += 1) await window.loadBefore();
  expect(window.items.get().length).toBeLessThanOrEqual(2000);
  expect(window.at_end.get()).toBe(false);
  expect(isDense(window)).toBe(true);
  expect(log.store.order(ROOM_STREAM).length).toBeLessThan(11_000);
  for (let pages = 0; pages < 20; pages += 1) await window.loadAfter();
  expect(isDense(window)).toBe(true);
  await window.jumpToEnd();
  expect(bounds(window)[1]).toBe(15_000);
});
