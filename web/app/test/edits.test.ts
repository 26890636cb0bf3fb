import { describe, expect, it } from "vitest";
import { continueList, fence, pasteLink, toggleMarks, type Draft } from "../src/composer/edits";
import { findTrigger } from "../src/composer/trigger";

/** `|` is the caret; two of them are the ends of the selection. */
function draft(marked: string): Draft {
  const [before = "", middle = "", after] = marked.split("|");
  return after === undefined
    ? { text: before + middle, start: before.length, end: before.length }
    : { text: before + middle + after, start: before.length, end: before.length + middle.length };
}

function show({ text, start, end }: Draft): string {
  const middle = start === end ? "|" : `|${text.slice(start, end)}|`;
  return text.slice(0, start) + middle + text.slice(end);
}

describe("Enter in a list", () => {
  it.each([
    ["- one|", "- one\n- |"],
    ["1. one|", "1. one\n2. |"],
    ["9) nine|", "9) nine\n10) |"],
    ["  * one|", "  * one\n  * |"],
    ["- [x] done|", "- [x] done\n- [ ] |"],
    ["> said|", "> said\n> |"],
    ["- one\n- |", "- one\n|"],
  ])("%j becomes %j", (before, after) => {
    expect(show(continueList(draft(before)) ?? draft(before))).toBe(after);
  });

  it.each(["plain|", "```\n- code|", "|- one"])("%j gets an ordinary line", (before) => {
    expect(continueList(draft(before))).toBeNull();
  });
});

describe("marks", () => {
  it("come around the selection, and go again", () => {
    const once = toggleMarks(draft("a |b| c"), "**");
    expect(show(once)).toBe("a **|b|** c");
    expect(show(toggleMarks(once, "**"))).toBe("a |b| c");
  });

  it("a block of code has lines of its own", () => {
    expect(show(fence(draft("see |x|")))).toBe("see \n```\n|x|\n```\n");
  });
});

describe("a pasted address", () => {
  it("makes a link of the selection", () => {
    const pasted = pasteLink(draft("the |notes| here"), "https://example.com/a");
    expect(show(pasted ?? draft(""))).toBe("the [notes](https://example.com/a)| here");
  });

  it.each([
    ["nothing| selected", "https://example.com"],
    ["|text|", "javascript:alert(1)"],
    ["|https://example.org|", "https://example.com"],
  ])("over %j stays what it is: %s", (before, pasted) => {
    expect(pasteLink(draft(before), pasted)).toBeNull();
  });
});

describe("completion", () => {
  it.each([
    ["hi @ad", "person", "ad"],
    ["@", "person", ""],
    ["(#gen", "room", "gen"],
    [":smi", "emoji", "smi"],
    ["/po", "command", "po"],
  ])("of %j is for a %s", (text, kind, query) => {
    expect(findTrigger(text, text.length)).toMatchObject({ kind, query });
  });

  it.each(["mail@ad", "at 12:30", "a /po", ":)", "https://x"])("of %j is none", (text) => {
    expect(findTrigger(text, text.length)).toBeNull();
  });
});
