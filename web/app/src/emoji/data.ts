import germanUrl from "emoji-picker-element-data/de/cldr/data.json?url";
import englishUrl from "emoji-picker-element-data/en/github/data.json?url";
import chineseUrl from "emoji-picker-element-data/zh/emojibase/data.json?url";
import { language } from "../i18n";

export interface Emoji {
  readonly emoji: string;
  readonly code: string;
  readonly name: string;
  readonly group: number;
  readonly words: string;
}

interface Entry {
  readonly emoji: string;
  readonly annotation: string;
  readonly shortcodes?: readonly string[];
  readonly tags?: readonly string[];
  readonly group?: number;
  readonly version: number;
}

const NAMES: Readonly<Record<string, string>> = { de: germanUrl, zh: chineseUrl };
/** What is shown as an emoji by itself has no variation selector in Unicode's list, and one in that
 * of the package. Two forms of one emoji would be two reactions. */
const NEEDLESS_SELECTOR = /(\p{Emoji_Presentation})\uFE0F/gu;
/** Newer ones are squares on most devices. */
const MAX_VERSION = 15;

const lists = new Map<string, Promise<readonly Emoji[]>>();

/** All emoji with their names in the language of the page, loaded when they are needed. */
export function allEmoji(): Promise<readonly Emoji[]> {
  const key = language.peek();
  let list = lists.get(key);
  if (list === undefined) {
    list = load(NAMES[key]);
    lists.set(key, list);
    list.catch(() => lists.delete(key));
  }
  return list;
}

async function load(namesUrl: string | undefined): Promise<readonly Emoji[]> {
  const [entries, names] = await Promise.all([
    read(englishUrl),
    namesUrl === undefined ? [] : read(namesUrl),
  ]);
  const translated = new Map(names.map((entry) => [entry.emoji, entry]));
  return entries
    .filter((entry) => entry.group !== undefined && entry.version <= MAX_VERSION)
    .map((entry) => {
      const local = translated.get(entry.emoji);
      const emoji = entry.emoji.replace(NEEDLESS_SELECTOR, "$1");
      const words = [
        ...(entry.shortcodes ?? []),
        entry.annotation,
        ...(entry.tags ?? []),
        local?.annotation ?? "",
        ...(local?.tags ?? []),
      ];
      return {
        emoji,
        code: entry.shortcodes?.[0] ?? entry.annotation.replaceAll(" ", "_"),
        name: local?.annotation ?? entry.annotation,
        group: entry.group ?? 0,
        words: words.join(" ").toLowerCase(),
      };
    });
}

async function read(url: string): Promise<readonly Entry[]> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return (await answer.json()) as readonly Entry[];
}

export async function searchEmoji(query: string, max: number): Promise<readonly Emoji[]> {
  return filterEmoji(await allEmoji(), query).slice(0, max);
}

/** Codes that begin with the query first, then any word that does. */
export function filterEmoji(all: readonly Emoji[], query: string): readonly Emoji[] {
  const wanted = query.trim().toLowerCase();
  if (wanted === "") return all;
  const first = all
    .filter(({ code }) => code.startsWith(wanted))
    .sort((one, two) => one.code.length - two.code.length);
  const known = new Set(first);
  const rest = all.filter((emoji) => !known.has(emoji) && ` ${emoji.words}`.includes(` ${wanted}`));
  return [...first, ...rest];
}

const RECENT = "chat.emoji";
const DEFAULT = ["👍", "❤️", "😄", "🎉", "👀", "🙏", "🚀", "✅"];

export function recentEmoji(): readonly string[] {
  try {
    const kept = JSON.parse(localStorage.getItem(RECENT) ?? "[]") as string[];
    return [...new Set([...kept, ...DEFAULT])].slice(0, 18);
  } catch {
    return DEFAULT;
  }
}

export function rememberEmoji(emoji: string): void {
  const next = [emoji, ...recentEmoji().filter((other) => other !== emoji)].slice(0, 18);
  try {
    localStorage.setItem(RECENT, JSON.stringify(next));
  } catch {
    // Without storage the defaults are offered.
  }
}
