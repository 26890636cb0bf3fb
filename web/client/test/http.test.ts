import { expect, test } from "vitest";
import { fillPath, HttpClient } from "../src/http.js";

/** A client whose server gives these answers, one after the other. */
function clientOf(...answers: (Response | Error)[]) {
  const requests: { url: string; init: RequestInit | undefined }[] = [];
  const http = new HttpClient("http://chat", (url, init) => {
    requests.push({ url: url as string, init });
    const answer = answers.shift() ?? new Error("no more answers");
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  });
  return { http, requests };
}

function problem(status: number, fields: object): Response {
  const body = { detail: "why", retry: "never", request_id: "r1", ...fields };
  return new Response(JSON.stringify(body), { status });
}

test("a request has its token, its query and its body, and the answer its JSON", async () => {
  const { http, requests } = clientOf(
    new Response('{"ok":1}'),
    new Response(null, { status: 204 }),
  );
  const query = { ids: ["a", "b"], limit: 3, cursor: undefined };
  const first = await http.request("get", "/users", { query, token: "t" });
  const second = await http.request("put", "/x", { body: { seq: 1 } });
  expect([first, second]).toEqual([{ ok: 1 }, undefined]);
  expect(requests[0]?.url).toBe("http://chat/users?ids=a&ids=b&limit=3");
  expect(new Headers(requests[0]?.init?.headers).get("Authorization")).toBe("Bearer t");
  expect(requests[1]?.init?.body).toBe('{"seq":1}');
});

test("a refusal says its code, its text and its request id", async () => {
  const { http } = clientOf(problem(409, { code: "version_conflict" }));
  await expect(http.request("patch", "/x")).rejects.toMatchObject({
    code: "version_conflict",
    status: 409,
    detail: "why",
    request_id: "r1",
    is_final: true,
  });
});

test("what may be repeated is repeated, four times in all", async () => {
  const busy = () => problem(503, { code: "busy", retry: "after", retry_after_ms: 1 });
  const { http, requests } = clientOf(busy(), busy(), new Response("1"));
  expect(await http.request("post", "/x")).toBe(1);
  expect(requests).toHaveLength(3);
  const other = clientOf(busy(), busy(), busy(), busy(), new Response("1"));
  await expect(other.http.request("post", "/x")).rejects.toMatchObject({ code: "busy" });
});

test("a long pause is left to the caller", async () => {
  const limited = problem(429, { code: "rate_limited", retry: "after", retry_after_ms: 60_000 });
  const { http, requests } = clientOf(limited);
  await expect(http.request("post", "/x")).rejects.toMatchObject({ wait_ms: 60_000 });
  expect(requests).toHaveLength(1);
});

test("no answer is an error of its own, and is not repeated", async () => {
  const { http, requests } = clientOf(new TypeError("fetch failed"));
  await expect(http.request("post", "/x")).rejects.toMatchObject({
    code: "unreachable",
    status: 0,
    is_final: false,
  });
  expect(requests).toHaveLength(1);
});

test("the answer of a proxy is recognized", async () => {
  const page = () => new Response("<h1>Sign in to the hotel</h1>", { status: 404 });
  await expect(clientOf(page()).http.request("get", "/x")).rejects.toMatchObject({
    code: "http_404",
    is_final: true,
  });
});

test("values in a path are escaped", () => {
  expect(fillPath("/rooms/{room_id}/{emoji}", { room_id: "a/b", emoji: "🎉" })).toBe(
    "/rooms/a%2Fb/%F0%9F%8E%89",
  );
});
