import { expect, test } from "vitest";
import { actionForCode, ConnectionLost } from "../src/close_policy.js";
import { ApiError } from "../src/errors.js";

test.each([
  [1000, "resume"],
  [1001, "resume"],
  [1006, "resume"],
  [1012, "resume"],
  [1013, "resume"],
  [4000, "resume"],
  [4001, "resume"],
  [4010, "resume"],
  [4399, "resume"],
  [4400, "stop"],
  [4401, "renew"],
  [4402, "renew"],
  [4403, "stop"],
  [4409, "stop"],
  [4499, "stop"],
  [4500, "resume"],
])("after close code %i the client does: %s", (code, action) => {
  expect(actionForCode(code)).toBe(action);
});

test("a final refusal of a ticket stops the client, another one sets the pause", () => {
  const ended = new ApiError("session_ended", "over", { status: 401 });
  expect(ConnectionLost.fromRefusal(ended).action).toBe("stop");
  const busy = new ApiError("busy", "later", { retry: "after", retry_after_ms: 700 });
  const lost = ConnectionLost.fromRefusal(busy);
  expect([lost.action, lost.options.wait_ms]).toEqual(["resume", 700]);
});

test("what a proxy answers stops nobody", () => {
  const refusal = new ApiError("http_404", "not the server", { status: 404 });
  expect(ConnectionLost.fromRefusal(refusal).action).toBe("resume");
});
