import { ApiError } from "chat-client";
import { describe, expect, it } from "vitest";
import { refusalsOf } from "../src/state/errors";

const FIELDS = ["expression", "note"] as const;

describe("what a server refuses", () => {
  it("stands at the fields that it is about, once each", () => {
    const error = new ApiError("invalid", "Not acceptable", {
      errors: [
        { path: "note", message: "must not be blank" },
        { path: "expression", message: "is no pattern of RE2: missing )" },
        { path: "expression", message: "is too long" },
      ],
    });
    expect(refusalsOf(error, FIELDS)).toEqual({
      note: "Must not be blank",
      expression: "Is no pattern of RE2: missing )",
    });
  });

  it.each([
    new ApiError("too_many", "A filter has at most 20 patterns."),
    new ApiError("invalid", "A filter has at most 20 patterns.", {
      errors: [{ path: "kind", message: "is unknown" }],
    }),
  ])("stands at the first field if it is about none of them: $code", (error) => {
    expect(refusalsOf(error, FIELDS)).toEqual({ expression: "A filter has at most 20 patterns." });
  });

  it.each([
    new ApiError("rate_limited", "Too fast"),
    new ApiError("forbidden", "Not yours"),
    new ApiError("unreachable", "No answer"),
    new TypeError("a defect"),
  ])("is no matter of the fields: %s", (error) => {
    expect(refusalsOf(error, FIELDS)).toBeNull();
  });
});
