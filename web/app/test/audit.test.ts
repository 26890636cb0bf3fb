import { describe, expect, it } from "vitest";
import { en } from "../src/i18n/en";
import { actionsOf } from "../src/panel/audit-text";

describe("what an audit log can be narrowed to", () => {
  it("is in the log of a room only what is done in rooms", () => {
    expect(actionsOf("room")).toContain("filter_rule_added");
    expect(actionsOf("room")).not.toContain("user_banned");
    expect(actionsOf("room")).not.toContain("group_created");
    expect(actionsOf("server")).toEqual(expect.arrayContaining([...actionsOf("room")]));
    expect(actionsOf("server")).toContain("group_created");
  });

  it("has names that differ", () => {
    const names = actionsOf("server").map((action) => en[`act_${action}`]);
    expect(new Set(names).size).toBe(names.length);
  });
});
