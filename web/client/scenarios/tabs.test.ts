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

let scopes = 0;

/** Two tabs of one browser, and the first one has the socket. */
async function twoTabs() {
  scopes += 1;
  const storage = new MemoryStorage(`tabs-${String(process.pid)}-${String(scopes)}`);
  const first = await arrive("ada", { storage });
  const second = newClient({ storage });
  await second.restore();
  await isOnline(second);
  const id = await makeRoom(first);
  const [a, b] = await Promise.all([enter(first, id), enter(second, id)]);
  return { storage, first, second, id, a, b };
}

test("tabs share one socket and see the same", async () => {
  const tabs = await twoTabs();
  await Promise.all([
    ...(await type(tabs.a.room, numbered("a", 5))),
    ...(await type(tabs.b.room, numbered("b", 5))),
  ]);
  const all = await serverTexts(tabs.first, tabs.id);
  await Promise.all([shows(tabs.a.items, all), shows(tabs.b.items, all)]);
  expect(all.filter((text) => text.startsWith("b"))).toEqual(numbered("b", 5));
  await waitFor(tabs.second.rooms, ([room]) => room?.last_message?.text === all.at(-1));
});

test("another tab takes over when the one with the socket is closed", async () => {
  const tabs = await twoTabs();
  await stage("block");
  const sending = await type(tabs.b.room, numbered("b", 5));
  await tabs.first.close();
  await stage("heal");
  await Promise.all(sending);
  await shows(tabs.b.items, numbered("b", 5));
  expect(await serverTexts(tabs.second, tabs.id)).toEqual(numbered("b", 5));
  const third = newClient({ storage: tabs.storage });
  await third.restore();
  const c = await enter(third, tabs.id);
  await shows(c.items, numbered("b", 5));
});

test("what a closed tab has not sent is sent by another", async () => {
  const tabs = await twoTabs();
  await stage("cut");
  await stage("block");
  const lost = (await type(tabs.a.room, numbered("a", 3))).map((answer) => {
    return expect(answer).rejects.toMatchObject({ code: "closed" });
  });
  await waitFor(tabs.b.items, (items) => items.length === 3);
  await tabs.first.close();
  await Promise.all(lost);
  await stage("heal");
  await shows(tabs.b.items, numbered("a", 3));
  expect(await serverTexts(tabs.second, tabs.id)).toEqual(numbered("a", 3));
});

test("a sign-out in one tab signs the others out and leaves nothing on the device", async () => {
  const tabs = await twoTabs();
  const prefix = `user/${me(tabs.first).id}/`;
  await tabs.a.room.send("secret");
  await tabs.second.signOut();
  await waitFor(tabs.first.session, ({ state }) => state === "signed_out");
  await Promise.all([tabs.first.close(), tabs.second.close()]);
  expect(await tabs.storage.list(prefix)).toEqual([]);
});
