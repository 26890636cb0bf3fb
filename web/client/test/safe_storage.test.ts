import { expect, test } from "vitest";
import "fake-indexeddb/auto";
import { IndexedDbStorage, MemoryStorage, type Storage } from "../src/index.js";
import { SafeStorage } from "../src/safe_storage.js";

let databases = 0;

const STORAGES: [string, () => Storage][] = [
  ["memory", () => new MemoryStorage()],
  [
    "IndexedDB",
    () => {
      databases += 1;
      return new IndexedDbStorage(`test-${String(databases)}`);
    },
  ],
];

test.each(STORAGES)("%s keeps values by key, in the order of the keys", async (_, make) => {
  const storage = make();
  const value = { text: "hello", list: [1, 2] };
  await storage.write([
    ["b/2", 2],
    ["b/1", value],
    ["c", 3],
  ]);
  expect(await storage.get("b/1")).toEqual(value);
  expect(await storage.get("unknown")).toBeUndefined();
  expect(await storage.list("b/")).toEqual([
    ["b/1", value],
    ["b/2", 2],
  ]);
  await storage.write([
    ["b/1", undefined],
    ["b/2", 4],
  ]);
  expect(await storage.list("b/")).toEqual([["b/2", 4]]);
  storage.close?.();
});

test("IndexedDB goes on after the browser has deleted the database", async () => {
  const storage = new IndexedDbStorage("cleared");
  await storage.write([["a", 1]]);
  await new Promise((resolve) => {
    indexedDB.deleteDatabase("cleared").onsuccess = resolve;
  });
  expect(await storage.get("a")).toBeUndefined();
  await storage.write([["a", 2]]);
  expect(await storage.get("a")).toBe(2);
  storage.close();
});

/** A memory that can be full. */
class Disk extends MemoryStorage {
  is_full = false;

  override write(changes: readonly (readonly [string, unknown])[]): Promise<void> {
    return this.is_full ? Promise.reject(new Error("full")) : super.write(changes);
  }
}

test("what cannot be stored is kept, said, and stored with what comes next", async () => {
  const disk = new Disk();
  const storage = new SafeStorage(disk);
  await storage.write(["a", 1], ["b", 1]);
  disk.is_full = true;
  await storage.write(["a", 2], ["b", undefined]);
  expect(storage.state.get()).toMatchObject({ state: "failing" });
  expect(await storage.get("a")).toBe(2);
  expect(await storage.list("")).toEqual([["a", 2]]);
  disk.is_full = false;
  await storage.write(["c", 3]);
  expect(storage.state.get()).toEqual({ state: "ok" });
  expect(await disk.list("")).toEqual([
    ["a", 2],
    ["c", 3],
  ]);
});
