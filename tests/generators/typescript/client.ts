import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Event = components["schemas"]["Event"];
type Message = components["schemas"]["Message"];
type Problem = components["schemas"]["Problem"];

const [url, username, password] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl: url });

function value<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

function say(messages: Message[]): void {
  for (const message of messages) console.log(message.text);
}

value(await client.POST("/api/v1/auth/register", { body: { username, password } }));
const token = value(
  await client.POST("/api/v1/auth/token", {
    body: { grant_type: "password", username, password },
    bodySerializer: (body) => new URLSearchParams(body as Record<string, string>),
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  }),
);
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${token.access_token}`);
  },
});
const room = value(
  await client.POST("/api/v1/rooms", {
    body: { kind: "public", name: "TypeScript" },
  }),
);
const path = { room_id: room.id };
for (const text of ["one", "two", "three"]) {
  const body = { nonce: text, text };
  value(await client.POST("/api/v1/rooms/{room_id}/messages", { params: { path }, body }));
}
const newest = value(
  await client.GET("/api/v1/rooms/{room_id}/messages", { params: { path, query: { limit: 2 } } }),
);
say(newest.items);
if (newest.before === null) throw new Error("there are older ones");
const older = value(
  await client.GET("/api/v1/rooms/{room_id}/messages", {
    params: { path, query: { limit: 2, before: newest.before } },
  }),
);
say(older.items);
const nowhere = { room_id: "00000000-0000-7000-8000-000000000000" };
const refused = await client.GET("/api/v1/rooms/{room_id}", { params: { path: nowhere } });
const problem: Problem | undefined = refused.error;
console.log(problem?.code);
const events = value(await client.GET("/api/v1/rooms/{room_id}/events", { params: { path } }));
const last = events.items.at(-1) as Event | undefined;
if (last?.type === "message.created") console.log(last.message.text);
