import { expect, test } from "vitest";
import {
  arrive,
  enter,
  makeRoom,
  me,
  numbered,
  secondDevice,
  serverTexts,
  shows,
  type,
} from "./stage.js";
import { waitFor } from "../src/index.js";

test("two people and two devices of one of them see the same conversation", async () => {
  const ada = await arrive("ada");
  const bob = await arrive("bob");
  const id = await makeRoom(ada, bob);
  const phone = await secondDevice(ada);
  const [a, b, p] = await Promise.all([enter(ada, id), enter(bob, id), enter(phone, id)]);
  await Promise.all([
    ...(await type(a.room, numbered("a", 10))),
    ...(await type(p.room, numbered("p", 10))),
  ]);
  await b.room.send("done");
  const all = await serverTexts(ada, id);
  expect(all).toHaveLength(21);
  await Promise.all([shows(a.items, all), shows(b.items, all), shows(p.items, all)]);
  expect(all.filter((text) => text.startsWith("a"))).toEqual(numbered("a", 10));
  expect(all.filter((text) => text.startsWith("p"))).toEqual(numbered("p", 10));
});

test("a message changes for everybody when it is edited, reacted to, answered and deleted", async () => {
  const ada = await arrive("ada");
  const bob = await arrive("bob");
  const id = await makeRoom(ada, bob);
  const [a, b] = await Promise.all([enter(ada, id), enter(bob, id)]);
  const first = await a.room.send("first");
  await b.room.send({ text: "answer", reply_to: first.seq });
  await a.room.edit(first.seq, "better", 1);
  await b.room.react(first.seq, "🎉");
  await b.room.pin(first.seq).catch(() => undefined);
  await waitFor(a.items, ([message]) => message?.reactions?.[0]?.emoji === "🎉");
  await waitFor(b.items, ([message]) => message?.reacted[0] === "🎉");
  await waitFor(b.items, ([message, answer]) => {
    return message?.text === "better" && answer?.quote?.text === "better";
  });
  await a.room.delete(first.seq);
  await waitFor(b.items, ([message, answer]) => {
    return message?.deletion?.by === me(ada).id && answer?.quote?.deleted === true;
  });
  expect(b.items.get()[0]?.reacted).toEqual([]);
});
