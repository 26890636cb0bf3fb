/** Frames, events and pages for tests. */

import type { Message, MessagePage, RoomEvent, RoomOpened } from "../src/index.js";

export const ROOM = "0193a4d3-1f42-7a90-a1b2-3c4d5e6f7081";
export const EPOCH = "q3Xv0TbN2cE";
export const ME = "ada";
export const OTHER = "bob";
const at = "2026-11-28T09:30:00.123456Z";

export function message(seq: number, fields: Partial<Message> = {}): Message {
  const text = `m${String(seq)}`;
  return { seq, sender: OTHER, at, text, nonce: text, reply_to: null, ...fields };
}

export function created(seq: number, fields: Partial<Message> = {}): RoomEvent {
  const sent = message(seq, fields);
  return { type: "message.created", room: ROOM, seq, actor: sent.sender, at, message: sent };
}

export function edited(seq: number, of: Message, actor = of.sender): RoomEvent {
  return { type: "message.edited", room: ROOM, seq, actor, at, message: of };
}

export function reacted(
  seq: number,
  type: "reaction.added" | "reaction.removed",
  of: Message,
  actor: string,
  emoji = "🎉",
): RoomEvent {
  return { type, room: ROOM, seq, actor, at, message: of, emoji };
}

export function deleted(seq: number, ...seqs: number[]): RoomEvent {
  return { type: "messages.deleted", room: ROOM, seq, actor: OTHER, at, seqs };
}

/** An event that is about no message. */
export function joined(seq: number): RoomEvent {
  const member = { user: OTHER, role: "member" } as const;
  return { type: "member.joined", room: ROOM, seq, actor: OTHER, at, member };
}

export function page(items: Message[], fields: Partial<MessagePage> = {}): MessagePage {
  return { items, before: null, after: null, ...fields };
}

export function opened(from: number, head: number, fields: Partial<RoomOpened> = {}): RoomOpened {
  return { type: "room.opened", room: ROOM, from, seq: head, state: "ok", ...fields };
}
