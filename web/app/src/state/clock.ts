import { signal } from "@preact/signals";

const MAX_DELAY_MS = 3_600_000;
const beat = signal(0);
let next = Infinity;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Reading a signal ties what is rendered to it. */
const subscribe = (): number => beat.value;

/** The time now. A component that reads it is rendered again at `until`. */
export function nowUntil(until: number): number {
  subscribe();
  const now = Date.now();
  if (until > now && until < next) {
    next = until;
    clearTimeout(timer);
    timer = setTimeout(
      () => {
        next = Infinity;
        beat.value += 1;
      },
      Math.min(until - now, MAX_DELAY_MS),
    );
  }
  return now;
}
