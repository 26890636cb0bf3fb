import type { SearchResults, User } from "chat-client";
import { useEffect, useState } from "preact/hooks";
import { chat } from "../state/chat";

const PAUSE_MS = 180;

/** Users whose names match, a moment after the last key. */
export function useUserSearch(query: string): readonly User[] {
  return useSearch(query, async (text, signal) => {
    return (await chat.api.get("/users", { query: { query: text, limit: 20 }, signal })).items;
  });
}

/** People, rooms and messages, for one box. */
export function useEverything(query: string): SearchResults | null {
  const found = useSearch(query, async (text, signal) => [
    await chat.api.get("/search", { query: { q: text }, signal }),
  ]);
  return found[0] ?? null;
}

export interface PublicRoomFound {
  readonly id: string;
  readonly name: string;
  readonly topic: string;
}

export function useRoomSearch(query: string, also: boolean): readonly PublicRoomFound[] {
  return useSearch(
    query,
    async (text, signal) => {
      const page = await chat.api.get("/rooms/public", {
        query: { limit: 20, ...(text === "" ? {} : { query: text }) },
        signal,
      });
      return page.items;
    },
    also,
  );
}

function useSearch<T>(
  query: string,
  read: (text: string, signal: AbortSignal) => Promise<readonly T[]>,
  emptyToo = false,
): readonly T[] {
  const [results, setResults] = useState<readonly T[]>([]);
  const text = query.trim();
  useEffect(() => {
    if (text === "" && !emptyToo) {
      setResults([]);
      return undefined;
    }
    const controller = new AbortController();
    const timer = setTimeout(() => {
      read(text, controller.signal).then(setResults, () => undefined); // offline: only what is here
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text, emptyToo]);
  return results;
}
