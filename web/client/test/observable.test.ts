import { expect, test } from "vitest";
import { Value, waitFor } from "../src/observable.js";
import { Relay } from "../src/relay.js";

test("listeners hear of changes until they leave", () => {
  const value = new Value(1);
  const heard: number[] = [];
  const stop = value.subscribe((now) => heard.push(now));
  value.set(2);
  value.set(2);
  stop();
  stop();
  value.set(3);
  expect(heard).toEqual([2]);
});

test("what is shown only while somebody looks begins and ends with the listeners", () => {
  const steps: string[] = [];
  const value = new Value(1, () => {
    steps.push("begin");
    return () => steps.push("end");
  });
  const stops = [value.subscribe(() => undefined), value.subscribe(() => undefined)];
  for (const stop of stops) stop();
  expect(steps).toEqual(["begin", "end"]);
});

test("a relay follows one source after the other", async () => {
  const [first, second] = [new Value("a"), new Value("b")];
  const relay = new Relay<Value<string>, string>((source) => source, "none");
  const heard: string[] = [];
  relay.setSource(first);
  const stop = relay.subscribe((now) => heard.push(now));
  first.set("a2");
  relay.setSource(second);
  first.set("unheard");
  second.set("b2");
  relay.setSource(undefined);
  stop();
  expect(heard).toEqual(["a2", "b", "b2", "none"]);
  relay.setSource(second);
  expect(await waitFor(relay, (now) => now === "b2")).toBe("b2");
});
