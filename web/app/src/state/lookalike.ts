import { signal } from "@preact/signals";
import type { User } from "chat-client";

/** The commonest letters of other scripts that look like Latin ones, beside what NFKC knows. */
const LETTERS: Readonly<Record<string, string>> = {
  а: "a",
  в: "b",
  с: "c",
  ԁ: "d",
  е: "e",
  ѕ: "s",
  һ: "h",
  і: "i",
  ј: "j",
  к: "k",
  ӏ: "l",
  м: "m",
  н: "h",
  о: "o",
  р: "p",
  ԛ: "q",
  т: "t",
  у: "y",
  ѵ: "v",
  ԝ: "w",
  х: "x",
  α: "a",
  β: "b",
  γ: "y",
  ε: "e",
  η: "n",
  ι: "i",
  κ: "k",
  ν: "v",
  ο: "o",
  ρ: "p",
  τ: "t",
  υ: "u",
  χ: "x",
  ω: "w",
  ı: "i",
  ɑ: "a",
  ɡ: "g",
  ꞓ: "c",
  "0": "o",
  "1": "l",
  "|": "l",
  i: "l",
};

/** Names with the same skeleton look alike. */
export function skeleton(name: string): string {
  const folded = name
    .normalize("NFKC")
    .toLowerCase()
    .normalize("NFD")
    .replace(/[\p{M}\p{Cf}\s._-]/gu, "");
  const letters = Array.from(folded, (letter) => LETTERS[letter] ?? letter).join("");
  return letters.replaceAll("rn", "m").replaceAll("vv", "w");
}

const usernames = new Set<string>();
const owners = new Map<string, string>();
const marks = new Map<string, boolean>();
/** Skeletons of display names that were asked for, and how often an owner of one came later. */
const shown = new Set<string>();
const latecomers = signal(0);

/** Whether a display name looks like the username of another account that this page has met. The
 * server refuses such names when they are set, but a username may come later than a display name. */
export function looksLikeAnother(user: User): boolean {
  const own = skeleton(user.username);
  usernames.add(user.username.normalize("NFKC").toLowerCase());
  if (owners.get(own) === undefined) {
    owners.set(own, user.id);
    marks.clear();
    if (shown.has(own)) queueMicrotask(() => (latecomers.value += 1));
  }
  // With the count, which makes what shows the name depend on it.
  const key = `${latecomers.value}\n${user.id}\n${user.display_name}`;
  let mark = marks.get(key);
  if (mark === undefined) {
    const name = skeleton(user.display_name);
    if (name !== own) shown.add(name);
    const owner = owners.get(name);
    mark = owner !== undefined && owner !== user.id;
    marks.set(key, mark);
  }
  return mark;
}

/** Whether an account with this name was met. */
export const knowsUsername = (name: string): boolean =>
  usernames.has(name.normalize("NFKC").toLowerCase());
