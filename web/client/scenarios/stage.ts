/** The server of a scenario, which tests/web_client/stage.py runs, and clients of it. */

import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { afterEach, beforeEach } from "vitest";
import {
  ChatClient,
  type ChatOptions,
  MemoryStorage,
  type Message,
  type Observable,
  type Room,
  type TimelineMessage,
  waitFor,
} from "../src/index.js";

type Action =
  | "reset"
  | "start"
  | "kill"
  | "stop"
  | "cut"
  | "block"
  | "heal"
  | "half_open"
  | "lose_next_ack"
  | "connections"
  | "back_up"
  | "restore";

export const address = process.env.CHAT_ADDRESS ?? "";
export const PASSWORD = "correct horse battery";
let users = 0;
const open: ChatClient[] = [];

beforeEach(async () => {
  await stage("reset");
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((chat) => chat.close()));
});

/** Asks the stage to do something, and waits until it is done. */
export function stage(action: Action): Promise<unknown> {
  const socket = createConnection(Number(process.env.CHAT_STAGE), "127.0.0.1");
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    createInterface(socket).once("line", (line) => {
      socket.end();
      const answer = JSON.parse(line) as { result?: unknown; error?: string };
      if (answer.error === undefined) resolve(answer.result);
      else reject(new Error(answer.error));
    });
    socket.write(`${JSON.stringify({ do: action })}\n`);
  });
}

export function newClient(options: Partial<ChatOptions> = {}): ChatClient {
  const chat = new ChatClient({
    url: address,
    storage: new MemoryStorage(),
    auth: "bearer",
    ...options,
  });
  open.push(chat);
  return chat;
}

export function newName(name: string): string {
  users += 1;
  return `${name}${String(process.pid)}-${String(users)}`;
}

/** A new account, signed in and online. */
export async function arrive(
  name: string,
  options: Partial<ChatOptions> = {},
): Promise<ChatClient> {
  const chat = newClient(options);
  await chat.register({ username: newName(name), password: PASSWORD });
  await isOnline(chat);
  return chat;
}

/** Another device of the same user. */
export async function secondDevice(chat: ChatClient): Promise<ChatClient> {
  const other = newClient();
  await other.signIn(me(chat).username, PASSWORD);
  await isOnline(other);
  return other;
}

export function me(chat: ChatClient) {
  const state = chat.session.get();
  if (state.state !== "signed_in") throw new Error("not signed in");
  return state.user;
}

/** Without the pause before the next attempt. */
export async function isOnline(chat: ChatClient): Promise<void> {
  chat.reconnect();
  await waitFor(chat.connection, ({ state }) => state === "online");
}

export async function makeRoom(chat: ChatClient, ...others: ChatClient[]): Promise<string> {
  const members = others.map((other) => me(other).id);
  const room = await chat.api.post("/rooms", {
    body: { kind: "private", name: "A room", members },
  });
  return room.id;
}

/** The room, open, with its timeline. */
export async function enter(chat: ChatClient, id: string) {
  const room = chat.room(id);
  room.open();
  const timeline = room.timeline();
  await waitFor(room.state, (state) => state === "open");
  return { room, items: timeline.items, timeline };
}

export function texts(items: readonly TimelineMessage[]): string[] {
  return items.map((message) => message.text);
}

/** Waits until the messages are exactly these, all of them committed. */
export async function shows(
  items: Observable<readonly TimelineMessage[]>,
  expected: readonly string[],
): Promise<void> {
  await waitFor(items, (now) => {
    const is_done = now.every((message) => message.pending === undefined);
    return is_done && JSON.stringify(texts(now)) === JSON.stringify(expected);
  });
}

/** All messages of the room as the server has them. */
export async function serverTexts(chat: ChatClient, room_id: string): Promise<string[]> {
  const messages: Message[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page: { items: Message[]; after: number | null } = await chat.api.get(
      "/rooms/{room_id}/messages",
      { path: { room_id }, query: { after, limit: 100 } },
    );
    messages.push(...page.items);
    after = page.after;
  }
  return messages.map((message) => message.text);
}

export function numbered(label: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${label}${String(index)}`);
}

/** A moment between two actions of a simulated user; never to wait for something. */
export function moment(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 10);
  });
}

/** Sends as fast as a person who pastes; resolves to the promises of the answers. */
export async function type(room: Room, lines: readonly string[]): Promise<Promise<Message>[]> {
  const answers: Promise<Message>[] = [];
  for (const line of lines) {
    answers.push(room.send(line));
    await moment();
  }
  return answers;
}
