import { describe, expect, it } from "vitest";
import { formatAddress, parseAddress } from "../src/router";

const ROOM = "0193a4d3-1f42-7a90-a1b2-3c4d5e6f7081";

describe("an address", () => {
  it.each([
    "/",
    "/?panel=saved",
    "/invite/hV1nXc0Lq0mY8tq3m0b7Jw",
    "/invite/a-b_c?panel=saved",
    `/r/${ROOM}`,
    `/r/${ROOM}/42`,
    `/r/${ROOM}?thread=42`,
    `/r/${ROOM}/43?thread=42`,
    `/r/${ROOM}?panel=members`,
    "/?panel=search&q=from%3Aada+tea",
    `/r/${ROOM}/42?panel=search&q=%22a+b%22`,
    "/?panel=groups",
    `/r/${ROOM}?panel=group&group=${ROOM}`,
  ])("%s names what it is made from", (address) => {
    const url = new URL(address, "http://chat.example");
    expect(formatAddress(parseAddress(url.pathname, url.search))).toBe(address);
  });

  it.each([
    ["/r/nonsense", "", null],
    ["/", `?group=${ROOM}`, null],
    [`/r/${ROOM}/x`, "", null],
    [`/r/${ROOM}`, "?panel=nonsense&thread=-1", ROOM],
  ])("%s%s is not taken for more than it says", (path, query, room) => {
    expect(parseAddress(path, query)).toEqual({
      room,
      message: null,
      thread: null,
      panel: null,
      query: null,
      group: null,
      invite: null,
    });
  });

  it("opens a panel at its own address", () => {
    for (const name of ["threads", "mentions", "saved", "shortcuts"]) {
      expect(parseAddress(`/${name}`, "").panel).toBe(name);
    }
  });
});
