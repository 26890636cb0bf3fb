import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

const EVERY_MS = 60_000;

/** What waits in a room for those who decide, as far as this device has looked; a page of the list at
 * most. It looks at the room that is open: no event tells of it. */
export class RoomCounts {
  readonly #counts = signal<ReadonlyMap<string, number>>(new Map());

  constructor(private readonly count: (room: string) => Promise<number>) {}

  async look(room: string): Promise<void> {
    const found = await this.count(room);
    this.#counts.value = new Map(this.#counts.peek()).set(room, found);
  }

  /** A hook: how many wait, again and again while the page is seen; 0 where that is not wanted. */
  use(room: string, wanted: boolean): number {
    useEffect(() => {
      if (!wanted) return undefined;
      const look = (): void => {
        if (document.visibilityState === "visible") this.look(room).catch(() => undefined);
      };
      look();
      const timer = setInterval(look, EVERY_MS);
      return () => clearInterval(timer);
    }, [room, wanted]);
    return wanted ? (this.#counts.value.get(room) ?? 0) : 0;
  }
}
