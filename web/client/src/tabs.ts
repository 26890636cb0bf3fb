/** What tabs of one browser share: messages and locks. Without a name nothing is shared. */

/** Another number for tabs that do not understand each other any more, after a new release. */
const VERSION = 1;

/** The name of what the tabs with one storage share. */
export function sharedName(scope: string | undefined, what: string): string | undefined {
  return scope === undefined ? undefined : `chat:${String(VERSION)}:${scope}:${what}`;
}

export interface Channel {
  /** To all other tabs. */
  post(message: unknown): void;
  close(): void;
}

export function openChannel(
  name: string | undefined,
  onMessage: (message: unknown) => void,
): Channel {
  if (name === undefined || typeof BroadcastChannel === "undefined") {
    return { post: () => undefined, close: () => undefined };
  }
  const channel = new BroadcastChannel(name);
  channel.onmessage = (event: MessageEvent<unknown>) => {
    onMessage(event.data);
  };
  let is_open = true;
  return {
    post: (message) => {
      if (is_open) channel.postMessage(message);
    },
    close: () => {
      is_open = false;
      channel.onmessage = null;
      channel.close();
    },
  };
}

function lockManager(name: string | undefined): LockManager | undefined {
  if (name === undefined || typeof navigator === "undefined") return undefined;
  return "locks" in navigator ? navigator.locks : undefined;
}

/** Runs `work` while no other tab runs the work of this name. */
export async function withLock<T>(name: string | undefined, work: () => Promise<T>): Promise<T> {
  const locks = lockManager(name);
  return locks && name !== undefined ? locks.request(name, work) : work();
}

/**
 * Calls `onHeld` once this tab has the lock, which it keeps until the returned function is called
 * or the tab is closed.
 */
export function holdLock(
  name: string | undefined,
  onHeld: () => void,
  mode: LockMode = "exclusive",
): () => void {
  const locks = lockManager(name);
  if (!locks || name === undefined) {
    onHeld();
    return () => undefined;
  }
  const waiting = new AbortController();
  let release: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const hold = (): Promise<void> => {
    if (!waiting.signal.aborted) onHeld();
    return held;
  };
  locks.request(name, { mode, signal: waiting.signal }, hold).catch(() => undefined); // aborted
  return () => {
    waiting.abort();
    release?.();
  };
}

/** How many tabs hold a lock that several can hold. */
export async function countHolders(name: string | undefined): Promise<number> {
  const { held = [] } = (await lockManager(name)?.query()) ?? {};
  return held.filter((lock) => lock.name === name).length;
}
