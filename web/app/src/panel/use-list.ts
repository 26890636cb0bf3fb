import { useEffect, useRef, useState } from "preact/hooks";
import { explain } from "../state/errors";

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface List<T> {
  /** Null until the first page is here. */
  readonly items: readonly T[] | null;
  readonly error: string | null;
  readonly more: (() => void) | null;
  readonly reload: () => void;
}

/** A list of the server that is read in pages. */
export function useList<T>(
  read: (cursor: string | null) => Promise<Page<T>>,
  dependencies: readonly unknown[],
): List<T> {
  const [items, setItems] = useState<readonly T[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const turn = useRef(0);
  const load = (cursor: string | null): void => {
    const own = ++turn.current;
    read(cursor).then(
      (page) => {
        if (own !== turn.current) return; // something else was asked for meanwhile
        setItems((before) => [...(cursor === null ? [] : (before ?? [])), ...page.items]);
        setNext(page.next);
        setError(null);
      },
      (reason: unknown) => {
        if (own === turn.current) setError(explain(reason));
      },
    );
  };
  useEffect(() => load(null), dependencies);
  return { items, error, more: next === null ? null : () => load(next), reload: () => load(null) };
}
