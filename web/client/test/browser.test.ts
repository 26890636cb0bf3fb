import { afterEach, expect, test, vi } from "vitest";
import { listenToBrowser } from "../src/browser.js";
import { Debounce } from "../src/timers.js";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("the page hears of the network and of its own end, until it stops to listen", () => {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "hidden" });
  vi.stubGlobal("window", window);
  vi.stubGlobal("document", document);
  const heard: string[] = [];
  const stop = listenToBrowser({
    onReturn: () => heard.push("return"),
    onOffline: () => heard.push("offline"),
    onHidden: () => heard.push("hidden"),
  });
  const happen = () => {
    for (const type of ["offline", "online", "pagehide"]) window.dispatchEvent(new Event(type));
    document.dispatchEvent(new Event("visibilitychange"));
    document.visibilityState = "visible";
    document.dispatchEvent(new Event("visibilitychange"));
  };
  happen();
  expect(heard).toEqual(["offline", "return", "hidden", "hidden", "return"]);
  stop();
  happen();
  expect(heard).toHaveLength(5);
});

test("delayed work is done once, and at once when it is flushed", () => {
  vi.useFakeTimers();
  let count = 0;
  const work = new Debounce(1000, () => {
    count += 1;
  });
  work.flush();
  expect(count).toBe(0);
  work.call();
  work.call();
  work.flush();
  vi.runAllTimers();
  expect(count).toBe(1);
});
