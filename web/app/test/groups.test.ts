import type { Group, User } from "chat-client";
import { describe, expect, it, vi } from "vitest";
import { actsOn, managersFirst } from "../src/panel/group-rights";
import { groupNamed, keepGroup, matchingGroups } from "../src/state/groups";
import { decorateGroups } from "../src/text/group-mention";
import { renderText, type LookUpMention } from "../src/text/markdown";

const group = (handle: string, display_name = handle): Group => ({
  id: `id of ${handle}`,
  handle,
  display_name,
  created_at: "2026-11-28T09:30:00Z",
});
const user = (id: string): User => ({ id, username: id, display_name: id });

describe("groups", () => {
  it("are found by the beginning of the handle, then by the display name", () => {
    const all = [group("design"), group("ops", "Designated people"), group("team")];
    expect(matchingGroups(all, "DES").map(({ handle }) => handle)).toEqual(["design", "ops"]);
    expect(matchingGroups(all, "")).toHaveLength(3);
    expect(matchingGroups(all, "x")).toEqual([]);
  });

  it("are known by their handle whatever its case", () => {
    keepGroup(group("Team"));
    expect(groupNamed("tEAM")?.handle).toBe("Team");
    keepGroup({ ...group("Team"), handle: "crew" });
    expect(groupNamed("team")).toBeUndefined();
  });
});

describe("members of a group", () => {
  const managers = new Set(["manager", "other manager"]);

  it.each([
    ["admin", true, "member", { setsManagers: true, removes: true, returns: true }],
    ["admin", true, "manager", { setsManagers: true, removes: true, returns: true }],
    ["manager", false, "member", { setsManagers: false, removes: true, returns: true }],
    ["manager", false, "manager", { setsManagers: false, removes: true, returns: false }],
    ["manager", false, "other manager", { setsManagers: false, removes: false, returns: true }],
    ["member", false, "member", { setsManagers: false, removes: false, returns: false }],
  ])("%s (of the server: %s) acts on %s as the server lets", (me, isAdmin, on, acts) => {
    expect(actsOn({ me, isAdmin, managers }, on)).toEqual(acts);
  });

  it("have the managers first, each once", () => {
    const shown = managersFirst([user("b")], [user("a"), user("b"), user("c")]);
    expect(shown.map(({ id }) => id)).toEqual(["b", "a", "c"]);
  });
});

describe("mentions of a group", () => {
  const lookUpMention: LookUpMention = (name) =>
    name === "team"
      ? { kind: "group", group: "id of team" }
      : name === "ada"
        ? { kind: "other" }
        : undefined;
  const render = (text: string, open = vi.fn()): HTMLElement => {
    const box = document.createElement("div");
    box.append(renderText(text, { lookUpMention }));
    decorateGroups(box, lookUpMention, open);
    return box;
  };

  it("are buttons that open the group", () => {
    const open = vi.fn();
    const box = render("@team and @ada", open);
    const buttons = box.querySelectorAll("button");
    expect([...buttons].map((button) => button.textContent)).toEqual(["@team"]);
    expect(box.querySelector("span.mention")?.textContent).toBe("@ada");
    buttons[0]?.click();
    expect(open).toHaveBeenCalledWith({ group: "id of team", anchor: buttons[0] });
  });

  it("stay texts inside of a link", () => {
    const box = render("[ask @team](https://example.com)");
    expect(box.querySelector("a .mention")?.textContent).toBe("@team");
    expect(box.querySelector("button")).toBeNull();
  });
});
