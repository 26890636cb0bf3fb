import { expect, test } from "vitest";
import {
  arrive,
  enter,
  isOnline,
  makeRoom,
  me,
  newClient,
  secondDevice,
  shows,
  stage,
  texts,
} from "./stage.js";
import { waitFor } from "../src/index.js";

test("the list of rooms counts what is unread and mentions, in open rooms and others", async () => {
  const ada = await arrive("ada");
  const bob = await arrive("bob");
  const id = await makeRoom(ada, bob);
  const { room } = await enter(ada, id);
  await waitFor(bob.rooms, (rooms) => rooms.length === 1);
  await room.send("one");
  await waitFor(bob.rooms, ([entry]) => entry?.unread === 1);
  const b = await enter(bob, id);
  const last = await room.send(`@${me(bob).username} two`);
  await waitFor(bob.rooms, ([entry]) => entry?.unread === 2 && entry.mentions === 1);
  b.room.markRead(last.seq);
  expect(b.room.entry.get()).toMatchObject({ unread: 0, mentions: 0, read_seq: last.seq });
  await waitFor(room.readers, (readers) => readers.get(me(bob).id) === last.seq);
  const phone = await secondDevice(bob);
  await waitFor(phone.rooms, ([entry]) => entry?.read_seq === last.seq && entry.unread === 0);
  await b.room.markUnread(last.seq);
  await waitFor(phone.rooms, ([entry]) => entry?.unread === 1);
});

test("drafts follow to the other device, also those that were written offline", async () => {
  const ada = await arrive("ada");
  const phone = await secondDevice(ada);
  const id = await makeRoom(ada);
  await waitFor(phone.rooms, (rooms) => rooms.length === 1);
  ada.room(id).saveDraft("Hello, I");
  await waitFor(phone.items.drafts, ([draft]) => draft?.text === "Hello, I");
  await stage("kill");
  ada.room(id).saveDraft("Hello, I wanted to");
  expect(ada.items.drafts.get()[0]?.text).toBe("Hello, I wanted to");
  await stage("start");
  await Promise.all([isOnline(ada), isOnline(phone)]);
  await waitFor(phone.items.drafts, ([draft]) => draft?.text === "Hello, I wanted to");
  ada.room(id).saveDraft("");
  await waitFor(phone.items.drafts, (drafts) => drafts.length === 0);
});

test("saved messages, scheduled messages and reminders reach all devices", async () => {
  const ada = await arrive("ada");
  const id = await makeRoom(ada);
  const { room } = await enter(ada, id);
  const message = await room.send("keep this");
  await room.save(message.seq, "later");
  const due_at = new Date(Date.now() + 3_600_000).toISOString();
  await room.schedule({ text: "in an hour", due_at });
  await ada.remind({ room: id, seq: message.seq, note: "answer", due_at });
  const phone = await secondDevice(ada);
  await waitFor(phone.items.saved, ([saved]) => saved?.message?.text === "keep this");
  await waitFor(phone.items.scheduled, ([scheduled]) => scheduled?.text === "in an hour");
  await waitFor(phone.items.reminders, ([reminder]) => reminder?.note === "answer");
  await waitFor(ada.items.saved, ([saved]) => saved?.message?.text === "keep this");
  await phone.room(id).unsave(message.seq);
  await waitFor(ada.items.saved, (saved) => saved.length === 0);
});

test("a thread has its replies, its root and what is unread in it", async () => {
  const ada = await arrive("ada");
  const bob = await arrive("bob");
  const id = await makeRoom(ada, bob);
  const [a, b] = await Promise.all([enter(ada, id), enter(bob, id)]);
  const root = await a.room.send("root");
  const seen = a.room.thread(root.seq);
  const { items } = seen.timeline();
  const first = await b.room.send({ text: "reply", thread: root.seq });
  await b.room.send({ text: "loud", thread: root.seq, also_in_room: true });
  await waitFor(items, (replies) => texts(replies).join() === "reply,loud");
  await shows(a.items, ["root", "loud"]);
  await waitFor(seen.root, (message) => message?.thread_summary?.replies === 2);
  await waitFor(seen.state, (state) => state?.unread === 2);
  await waitFor(ada.threads, ([thread]) => thread?.root.seq === root.seq && thread.unread === 2);
  await seen.read(first.seq);
  await waitFor(seen.state, (state) => state?.unread === 1);
  await waitFor(ada.threads, ([thread]) => thread?.unread === 1);
  await seen.unfollow();
  await waitFor(seen.state, (state) => state?.following === false);
});

test("a poll shows the user's vote on this device and the count on all", async () => {
  const ada = await arrive("ada");
  const bob = await arrive("bob");
  const id = await makeRoom(ada, bob);
  const [a, b] = await Promise.all([enter(ada, id), enter(bob, id)]);
  const poll = { options: ["yes", "no"], anonymous: true };
  const { seq } = await a.room.send({ text: "Shall we?", poll });
  await waitFor(b.items, ([message]) => message?.poll !== undefined);
  await b.room.vote(seq, [2]);
  await waitFor(a.items, ([message]) => message?.poll?.options[1]?.votes === 1);
  await waitFor(b.items, ([message]) => message?.voted[0] === 2);
  expect(a.items.get()[0]?.voted).toEqual([]);
});

test("people see who types and who is online, and new display names", async () => {
  const ada = await arrive("ada");
  const bob = await arrive("bob");
  const id = await makeRoom(ada, bob);
  const [a, b] = await Promise.all([enter(ada, id), enter(bob, id)]);
  await waitFor(ada.presence.get(me(bob).id), (state) => state === "online");
  b.room.typing();
  await waitFor(a.room.typists, (users) => users[0] === me(bob).id);
  await b.room.send("done");
  await waitFor(a.room.typists, (users) => users.length === 0);
  const user = ada.users.get(me(bob).id);
  await waitFor(user, (profile) => profile !== undefined);
  await bob.api.patch("/users/me", { body: { display_name: "Bob, on holiday" } });
  await waitFor(user, (profile) => profile?.display_name === "Bob, on holiday");
  await waitFor(bob.session, (state) => {
    return state.state === "signed_in" && state.user.display_name === "Bob, on holiday";
  });
});

test("an ended session signs the user out, with a reason", async () => {
  const ada = await arrive("ada");
  const phone = await secondDevice(ada);
  await phone.signOutEverywhere();
  const state = await waitFor(ada.session, ({ state }) => state === "signed_out");
  expect(state).toMatchObject({ reason: expect.any(String) as string });
  expect(phone.session.get()).toEqual({ state: "signed_out" });
  expect(() => ada.room("any")).toThrow("Nobody is signed in.");
  await expect(ada.api.get("/rooms")).rejects.toMatchObject({ status: 401 });
  const server = await newClient().api.get("/server");
  expect(server.version).not.toBe("");
});
