import { expect, test } from "vitest";
import {
  address,
  enter,
  isOnline,
  makeRoom,
  newClient,
  newName,
  PASSWORD,
  shows,
} from "./stage.js";
import { MemoryStorage, waitFor } from "../src/index.js";

/** The cookies and the `Origin` of a browser, for pages of the server. */
class Browser {
  readonly cookies = new Map<string, string>();
  readonly requests: string[] = [];

  readonly fetch: typeof fetch = async (input, init) => {
    const { pathname } = new URL(input as string);
    const headers = new Headers(init?.headers);
    headers.set("Origin", address);
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    if (cookie && pathname.startsWith("/api/v1/auth")) headers.set("Cookie", cookie);
    this.requests.push(pathname);
    const answer = await fetch(input, { ...init, headers });
    for (const line of answer.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split("=");
      if (value === "" || value === '""') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  };

  tab(storage: MemoryStorage) {
    return newClient({ auth: "cookie", storage, fetch: this.fetch });
  }
}

test("a page stays signed in by its cookie, and scripts never see the refresh token", async () => {
  const browser = new Browser();
  const storage = new MemoryStorage();
  const first = browser.tab(storage);
  expect(await first.restore()).toEqual({ state: "signed_out" });
  const user = await first.register({ username: newName("ada"), password: PASSWORD });
  await isOnline(first);
  expect(browser.cookies.size).toBe(1);
  const id = await makeRoom(first);
  const { room } = await enter(first, id);
  await room.send("hello");
  await first.close();
  const stored = JSON.stringify(await storage.list(""));
  for (const secret of browser.cookies.values()) expect(stored).not.toContain(secret);

  const again = browser.tab(storage);
  expect(await again.restore()).toEqual({ state: "signed_in", user });
  const { items } = await enter(again, id);
  await shows(items, ["hello"]);
  await again.close();

  const cleared = browser.tab(new MemoryStorage());
  expect(await cleared.restore()).toEqual({ state: "signed_in", user });
  await isOnline(cleared);
  await cleared.signOut();
  expect(browser.cookies.size).toBe(0);
  expect(await browser.tab(new MemoryStorage()).restore()).toEqual({ state: "signed_out" });
});

test("tabs that start together renew one after the other and stay signed in", async () => {
  const browser = new Browser();
  const storage = new MemoryStorage(`browser-${String(process.pid)}`);
  const first = browser.tab(storage);
  await first.register({ username: newName("ada"), password: PASSWORD });
  await isOnline(first);
  await first.close();
  const tabs = [browser.tab(storage), browser.tab(storage), browser.tab(storage)];
  browser.requests.length = 0;
  await Promise.all(tabs.map((tab) => tab.restore()));
  await Promise.all(tabs.map((tab) => tab.api.get("/users/me")));
  await Promise.all(tabs.map((tab) => waitFor(tab.connection, ({ state }) => state === "online")));
  const renewals = browser.requests.filter((path) => path.endsWith("/auth/cookie/refresh"));
  expect(renewals).toHaveLength(1);
});
