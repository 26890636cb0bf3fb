import type { TimelineMessage } from "chat-client";
import { describe, expect, it } from "vitest";
import { RowBuilder, type RowOptions } from "../src/timeline/rows";

const message = (seq: number, sender: string, at: string, more: object = {}): TimelineMessage => ({
  key: `m${seq}`,
  seq,
  sender,
  at,
  text: "",
  reply_to: null,
  nonce: "",
  reacted: [],
  voted: [],
  ...more,
});
const show = (options: Partial<RowOptions>): string[] =>
  new RowBuilder()
    .build({ messages: [], atStart: false, unreadAfter: null, me: "ada", ...options })
    .map((row) =>
      row.kind === "message" ? `${row.first ? "first " : ""}${row.message.seq}` : row.kind,
    );

describe("rows", () => {
  it("messages of one person within five minutes are one group", () => {
    const messages = [
      message(1, "bob", "2026-01-05T10:00:00Z"),
      message(2, "bob", "2026-01-05T10:04:00Z"),
      message(3, "bob", "2026-01-05T10:10:00Z"),
      message(4, "eve", "2026-01-05T10:10:01Z"),
      message(5, "eve", "2026-01-05T10:10:02Z", { reply_to: 1 }),
    ];
    expect(show({ messages })).toEqual(["day", "first 1", "2", "first 3", "first 4", "first 5"]);
  });

  it("the line of what is new stands before the first message of somebody else", () => {
    const messages = [
      message(1, "bob", "2026-01-05T10:00:00Z"),
      message(2, "ada", "2026-01-05T10:00:01Z"),
      message(3, "bob", "2026-01-05T10:00:02Z"),
      message(4, "bob", "2026-01-05T10:00:03Z"),
    ];
    expect(show({ messages, unreadAfter: 1 })).toEqual([
      "day",
      "first 1",
      "first 2",
      "new",
      "first 3",
      "4",
    ]);
  });

  it("rows that stay the same are the same objects", () => {
    const builder = new RowBuilder();
    const first = message(1, "bob", "2026-01-05T10:00:00Z");
    const options = { atStart: true, unreadAfter: null, me: "ada" };
    const before = builder.build({ ...options, messages: [first] });
    const after = builder.build({
      ...options,
      messages: [first, message(2, "bob", "2026-01-05T10:00:01Z")],
    });
    expect(after.slice(0, 3).every((row, index) => row === before[index])).toBe(true);
  });
});
