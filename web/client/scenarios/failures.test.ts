import { expect, test } from "vitest";
import {
  arrive,
  enter,
  isOnline,
  makeRoom,
  me,
  newClient,
  numbered,
  serverTexts,
  shows,
  stage,
  type,
} from "./stage.js";
import { MemoryStorage, waitFor } from "../src/index.js";

/** Both see what the server has, and each sender's messages are there once, in their order. */
async function agree(
  id: string,
  people: Awaited<ReturnType<typeof conversation>>,
  sent: Record<string, string[]>,
): Promise<void> {
  const all = await serverTexts(people.ada, id);
  await Promise.all([shows(people.a.items, all), shows(people.b.items, all)]);
  for (const [label, expected] of Object.entries(sent)) {
    expect(all.filter((text) => text.startsWith(label))).toEqual(expected);
  }
}

async function conversation() {
  const ada = await arrive("ada");
  const bob = await arrive("bob");
  const id = await makeRoom(ada, bob);
  const [a, b] = await Promise.all([enter(ada, id), enter(bob, id)]);
  return { ada, bob, id, a, b };
}

test("messages survive connections that are cut while they are sent", async () => {
  const people = await conversation();
  const sending = [];
  for (let round = 0; round < 6; round += 1) {
    sending.push(...(await type(people.a.room, numbered(`a${String(round)}-`, 10))));
    await stage(round % 2 ? "half_open" : "cut");
    await stage("cut");
  }
  await Promise.all(sending);
  const expected = [0, 1, 2, 3, 4, 5].flatMap((round) => numbered(`a${String(round)}-`, 10));
  await agree(people.id, people, { a: expected });
});

test("a message whose ack is lost after the commit is there once", async () => {
  const people = await conversation();
  await stage("lose_next_ack");
  const answers = await type(people.a.room, numbered("a", 5));
  await Promise.all(answers);
  await agree(people.id, people, { a: numbered("a", 5) });
});

test("a conversation survives a server that is killed twice", async () => {
  const people = await conversation();
  const sending = [];
  for (let round = 0; round < 2; round += 1) {
    sending.push(...(await type(people.a.room, numbered(`a${String(round)}-`, 15))));
    await stage("kill");
    sending.push(...(await type(people.b.room, numbered(`b${String(round)}-`, 15))));
    await stage("start");
    await Promise.all([isOnline(people.ada), isOnline(people.bob)]);
  }
  await Promise.all(sending);
  const both = (label: string) => [0, 1].flatMap((n) => numbered(`${label}${String(n)}-`, 15));
  await agree(people.id, people, { a: both("a"), b: both("b") });
});

test("what is written without a server is shown as waiting and delivered in order", async () => {
  const people = await conversation();
  await people.a.room.send("before");
  await stage("kill");
  await waitFor(people.ada.connection, ({ state }) => state === "offline");
  const answers = await type(people.a.room, numbered("a", 10));
  await waitFor(
    people.a.items,
    (items) => items.filter((m) => m.pending === "waiting").length === 10,
  );
  expect(people.ada.connection.get().waiting).toBe(10);
  await stage("start");
  people.ada.reconnect();
  await Promise.all(answers);
  await agree(people.id, people, { a: numbered("a", 10) });
  expect(people.ada.connection.get().waiting).toBe(0);
});

test("a client that is started again shows what it knew and sends what it had not sent", async () => {
  const storage = new MemoryStorage();
  const ada = await arrive("ada", { storage });
  const id = await makeRoom(ada);
  const before = await enter(ada, id);
  await before.room.send("seen");
  await shows(before.items, ["seen"]);
  await waitFor(ada.rooms, (rooms) => rooms.some(({ room }) => room === id));
  await stage("kill");
  const unsent = before.room.send("written offline");
  const failed = expect(unsent).rejects.toMatchObject({ code: "closed" });
  await waitFor(before.items, (items) => items.length === 2);
  await ada.close();
  await failed;

  const again = newClient({ storage });
  expect(await again.restore()).toMatchObject({ state: "signed_in", user: me(ada) });
  await waitFor(again.rooms, (rooms) => rooms.some(({ room }) => room === id));
  const room = again.room(id);
  room.open();
  const { items } = room.timeline();
  await waitFor(items, (now) => now.length === 2 && now[1]?.pending === "waiting");
  await stage("start");
  again.reconnect();
  await shows(items, ["seen", "written offline"]);
  expect(await serverTexts(again, id)).toEqual(["seen", "written offline"]);
});

test("a message that is sent again after its ack was forgotten is there once", async () => {
  const storage = new MemoryStorage();
  const ada = await arrive("ada", { storage });
  const id = await makeRoom(ada);
  const { room } = await enter(ada, id);
  const message = await room.send("once");
  await ada.close();
  const key = `user/${me(ada).id}/outbox/${message.nonce}`;
  const { nonce } = message;
  const entry = { nonce, room: id, order: 1, created_at: 1, content: { text: "once" } };
  await storage.write([[key, entry]]);

  const again = newClient({ storage });
  await again.restore();
  const { items } = await enter(again, id);
  await waitFor(again.connection, ({ state, waiting }) => state === "online" && waiting === 0);
  await shows(items, ["once"]);
  expect(await serverTexts(again, id)).toEqual(["once"]);
  expect(await storage.get(key)).toBeUndefined();
});

test("a client moves to another process before its own ends, and is never offline", async () => {
  const people = await conversation();
  const states = new Set<string>();
  people.ada.connection.subscribe(({ state }) => states.add(state));
  const sending = await type(people.a.room, numbered("a", 10));
  await stage("start");
  const stopping = stage("stop");
  await waitFor(people.ada.connection, ({ state }) => state === "draining");
  sending.push(...(await type(people.a.room, numbered("b", 10))));
  await waitFor(people.ada.connection, ({ state }) => state === "online");
  await stopping;
  sending.push(...(await type(people.a.room, numbered("c", 10))));
  await Promise.all(sending);
  const labels = { a: numbered("a", 10), b: numbered("b", 10), c: numbered("c", 10) };
  await agree(people.id, people, labels);
  expect(states).not.toContain("offline");
});

test("a client that was away for long begins again with pages", async () => {
  const people = await conversation();
  await people.a.room.send("old");
  await shows(people.b.items, ["old"]);
  await people.bob.close();
  const path = { room_id: people.id };
  for (const text of numbered("n", 60)) await people.a.room.send(text);
  expect(await serverTexts(people.ada, people.id)).toHaveLength(61);
  await people.ada.api.get("/rooms/{room_id}/messages", { path });
  const again = newClient();
  await again.signIn(me(people.bob).username, "correct horse battery");
  const b = await enter(again, people.id);
  await waitFor(b.items, (items) => items.at(-1)?.text === "n59");
  expect(b.timeline.at_start.get()).toBe(false);
  await b.timeline.loadBefore();
  await shows(b.items, ["old", ...numbered("n", 60)]);
  expect(b.timeline.at_start.get()).toBe(true);
  await b.timeline.jumpTo(b.items.get()[0]?.seq ?? 0);
  await b.timeline.jumpToEnd();
  expect(b.items.get().at(-1)?.text).toBe("n59");
});

test("a restored backup discards what the client knew after it", async () => {
  const people = await conversation();
  await people.a.room.send("kept");
  await stage("back_up");
  await people.a.room.send("lost");
  await shows(people.b.items, ["kept", "lost"]);
  await stage("kill");
  await stage("restore");
  await stage("start");
  await Promise.all([isOnline(people.ada), isOnline(people.bob)]);
  await shows(people.b.items, ["kept"]);
  await people.b.room.send("new");
  await shows(people.a.items, ["kept", "new"]);
});

test("a removed member sees the room until the removal, and again after another invitation", async () => {
  const people = await conversation();
  await people.a.room.send("welcome");
  await shows(people.b.items, ["welcome"]);
  const path = { room_id: people.id };
  const user_id = me(people.bob).id;
  await people.ada.api.delete("/rooms/{room_id}/members/{user_id}", {
    path: { ...path, user_id },
  });
  await waitFor(people.b.room.state, (state) => state === "gone");
  await waitFor(people.bob.rooms, (rooms) => rooms.length === 0);
  const refused = expect(people.b.room.send("too late")).rejects.toMatchObject({
    code: "not_found",
  });
  await refused;
  await waitFor(people.b.items, (items) => items.at(-1)?.pending === "failed");
  await people.ada.api.post("/rooms/{room_id}/members", { path, body: { users: [user_id] } });
  await waitFor(people.b.room.state, (state) => state === "open");
  const nonce = people.b.items.get().at(-1)?.nonce ?? "";
  await people.b.room.retry(nonce);
  await shows(people.a.items, ["welcome", "too late"]);
  await shows(people.b.items, ["welcome", "too late"]);
});

test("a device that cannot store anything goes on in memory and says so", async () => {
  const storage = new MemoryStorage();
  storage.write = () => Promise.reject(new Error("the disk is full"));
  const ada = await arrive("ada", { storage });
  const id = await makeRoom(ada);
  const { room, items } = await enter(ada, id);
  await Promise.all(await type(room, numbered("a", 3)));
  await shows(items, numbered("a", 3));
  expect(ada.storage.get()).toMatchObject({ state: "failing" });
});
