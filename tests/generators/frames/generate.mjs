// node generate.mjs asyncapi.json frames.ts: TypeScript types of all frames, by json-schema-to-typescript.

import { readFileSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const [from, to] = process.argv.slice(2);
const { channels, components, operations } = JSON.parse(
  readFileSync(from, "utf8").replaceAll("#/components/schemas/", "#/$defs/"),
);

// Events of a newer release have any `type`: in the union they would hide the others.
const unknown = "#/channels/socket/messages/RoomEvent";

function union(action) {
  const messages = Object.values(operations)
    .filter((operation) => operation.action === action)
    .flatMap((operation) => operation.messages)
    .filter((message) => message.$ref !== unknown)
    .map((message) => message.$ref.split("/").at(-1));
  return { oneOf: messages.map((name) => components.messages[name].payload) };
}

const schema = {
  $defs: components.schemas,
  type: "object",
  properties: { client: union("receive"), server: union("send") },
  required: ["client", "server"],
};
const types = await compile(schema, "Frames", {
  additionalProperties: false,
  unreachableDefinitions: true,
});
const closeCodes = channels.socket["x-close-codes"].map(({ code }) => code).join(" | ");
writeFileSync(
  to,
  `${types}
export type ClientFrame = Frames["client"];
export type ServerFrame = Frames["server"];
export type CloseCode = ${closeCodes};
`,
);
