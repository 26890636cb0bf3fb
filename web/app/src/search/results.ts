import { signal } from "@preact/signals";
import { ApiError, type SearchHit } from "chat-client";
import { chat } from "../state/chat";
import { explain } from "../state/errors";

export type Order = "time" | "relevance";

export interface Results {
  readonly query: string;
  readonly order: Order;
  readonly hits: readonly SearchHit[];
  readonly next: string | null;
  readonly loading: boolean;
  readonly error: string | null;
  /** The query itself is at fault: the same again cannot succeed. */
  readonly wrong: boolean;
}

/** Kept while something else is shown, so that going back finds the same list. */
export const results = signal<Results | null>(null);

/** Pages without a hit that are passed in one go: each looks through very many messages. */
const MAX_EMPTY = 5;

export function search(query: string, order: Order): void {
  const before = results.peek();
  const same = before?.query === query && before.order === order;
  if (same && before.error === null) return;
  if (query === "") {
    results.value = null;
    return;
  }
  // Hits of the query before stay in view until there are new ones.
  const hits = before?.order === order && before.error === null ? before.hits : [];
  results.value = { query, order, hits, next: null, loading: true, error: null, wrong: false };
  void read(results.peek());
}

export function searchMore(): void {
  const before = results.peek();
  if (before === null || before.loading || before.next === null) return;
  results.value = { ...before, loading: true, error: null };
  void read(results.peek(), before.next);
}

export function searchAgain(): void {
  const before = results.peek();
  if (before === null) return;
  if (before.next !== null) searchMore();
  else {
    results.value = { ...before, loading: true, error: null };
    void read(results.peek());
  }
}

/** Reads until there are hits, and gives up what another search has replaced. */
async function read(asked: Results | null, from: string | null = null): Promise<void> {
  if (asked === null) return;
  let cursor = from;
  try {
    for (let page = 1; ; page += 1) {
      const answer = await chat.api.get("/search/messages", {
        query: { q: asked.query, order: asked.order, ...(cursor === null ? {} : { cursor }) },
      });
      if (results.peek() !== asked) return;
      cursor = answer.next;
      if (answer.items.length === 0 && cursor !== null && page < MAX_EMPTY) continue;
      const hits = from === null ? answer.items : [...asked.hits, ...answer.items];
      results.value = { ...asked, hits, next: cursor, loading: false };
      return;
    }
  } catch (error) {
    if (results.peek() !== asked) return;
    const wrong = error instanceof ApiError && error.code === "invalid";
    const hits = from === null ? [] : asked.hits;
    results.value = { ...asked, hits, next: from, loading: false, error: explain(error), wrong };
  }
}
