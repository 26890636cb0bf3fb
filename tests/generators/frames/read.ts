// Reads recorded frames with the generated types. The switch has a case for each frame, or does not compile.

import type { ServerFrame } from "./frames.js";
import { received, sent } from "./recorded.js";

function position(frame: ServerFrame): number | undefined {
  switch (frame.type) {
    case "room.created":
    case "room.changed":
    case "member.joined":
    case "member.left":
    case "member.removed":
    case "member.role_changed":
    case "message.created":
      return frame.seq;
    case "welcome":
    case "rooms":
    case "room.opened":
    case "room.closed":
    case "user.changed":
    case "ack":
    case "history":
    case "read":
    case "presence":
    case "typing":
    case "ping":
    case "draining":
    case "error":
      return undefined;
    default: {
      const missing: never = frame;
      return missing;
    }
  }
}

const texts = received.flatMap((frame) =>
  frame.type === "message.created" ? [frame.message.text] : [],
);
const nonces = sent.flatMap((frame) => (frame.type === "message.send" ? [frame.nonce] : []));
const positions = received.map(position).filter((seq) => seq !== undefined);
console.log(JSON.stringify({ texts, nonces, positions }));
