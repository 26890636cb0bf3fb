import { effect } from "@preact/signals";
import type { User } from "chat-client";
import { expect, it } from "vitest";
import { looksLikeAnother } from "../src/state/lookalike";

const user = (username: string, display_name: string): User => ({
  id: `id of ${username}`,
  username,
  display_name,
});

it("marks a name that is shown when the account it looks like is met later", async () => {
  const marks: boolean[] = [];
  effect(() => {
    marks.push(looksLikeAnother(user("eve", "Daniel")));
  });
  looksLikeAnother(user("daniel", "Daniel Ortiz"));
  await Promise.resolve();
  expect(marks).toEqual([false, true]);
});
