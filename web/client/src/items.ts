/** What the user alone has besides rooms (docs/protocol.md, "Items"). */

import type { Api } from "./api.js";
import { asApiError } from "./errors.js";
import { Value } from "./observable.js";
import type {
  Block,
  Draft,
  ItemChanged,
  Reminder,
  RoomList,
  SavedMessage,
  Scheduled,
} from "./types.js";

const PAGE = 100;

export interface ItemLists {
  readonly drafts: readonly Draft[];
  readonly saved: readonly SavedMessage[];
  readonly scheduled: readonly Scheduled[];
  readonly reminders: readonly Reminder[];
  readonly blocks: readonly Block[];
}

export const NO_ITEMS: ItemLists = {
  drafts: [],
  saved: [],
  scheduled: [],
  reminders: [],
  blocks: [],
};

export class ItemStore {
  readonly drafts = new Value<readonly Draft[]>([]);
  readonly saved = new Value<readonly SavedMessage[]>([]);
  readonly scheduled = new Value<readonly Scheduled[]>([]);
  readonly reminders = new Value<readonly Reminder[]>([]);
  readonly blocks = new Value<readonly Block[]>([]);
  #all: ItemLists = NO_ITEMS;
  #list_is_full = false;
  readonly #loads = new Set<ItemChanged[]>(); // what came while the lists were read

  /** Saved messages of rooms that the user is not in are hidden. */
  constructor(
    private readonly api: Api,
    private readonly isMember: (room: string) => boolean,
  ) {}

  get stored(): ItemLists {
    return this.#all;
  }

  /** Lists that an earlier version has stored lack what it did not know: all are read again. */
  load(lists: Partial<ItemLists>): void {
    this.#all = { ...NO_ITEMS, ...lists };
    this.publish();
    if (lists.blocks === undefined) void this.reload();
  }

  onRooms(frame: RoomList): void {
    this.#list_is_full ||= frame.full;
    if (this.#list_is_full && frame.snapshot !== undefined) {
      this.#list_is_full = false;
      void this.reload();
    }
    this.publish();
  }

  onFrame(frame: ItemChanged): void {
    for (const load of this.#loads) load.push(frame);
    this.#all = changed(this.#all, frame);
    this.publish();
    if (frame.kind === "saved" && frame.value && frame.seq !== undefined) {
      void this.#readSaved(frame.room, frame.seq);
    }
  }

  /** A draft as it is on this device; without a text it is gone. */
  setDraft(draft: Draft): void {
    const { room, thread } = draft;
    const isOther = (item: Draft): boolean => item.room !== room || item.thread !== thread;
    const drafts = replaced(this.#all.drafts, isOther, draft.text === "" ? undefined : draft);
    this.#all = { ...this.#all, drafts };
    this.publish();
  }

  /** Reads all lists; what changes meanwhile is applied on top. */
  async reload(): Promise<void> {
    const changes: ItemChanged[] = [];
    this.#loads.add(changes);
    try {
      const lists = await this.#read();
      this.#all = changes.reduce(changed, lists);
      this.publish();
    } catch (error) {
      asApiError(error); // the next full list reads them again
    } finally {
      this.#loads.delete(changes);
    }
  }

  publish(): void {
    const { drafts, saved, scheduled, reminders, blocks } = this.#all;
    this.drafts.set(drafts);
    this.saved.set(saved.filter((item) => this.isMember(item.room)));
    this.scheduled.set(scheduled);
    this.reminders.set(reminders);
    this.blocks.set(blocks);
  }

  async #read(): Promise<ItemLists> {
    const { api } = this;
    const [drafts, saved, scheduled, reminders, blocks] = await Promise.all([
      pages((query) => api.get("/users/me/drafts", { query })),
      pages((query) => api.get("/users/me/saved", { query })),
      pages((query) => api.get("/users/me/scheduled", { query })),
      pages((query) => api.get("/users/me/reminders", { query })),
      pages((query) => api.get("/users/me/blocks", { query })),
    ]);
    return { drafts, saved, scheduled, reminders, blocks };
  }

  async #readSaved(room: string, seq: number): Promise<void> {
    const isMeant = (item: SavedMessage): boolean => item.room === room && item.seq === seq;
    if (this.#all.saved.find(isMeant)?.message !== undefined) return;
    try {
      const path = { room_id: room, seq };
      const message = await this.api.get("/rooms/{room_id}/messages/{seq}", { path });
      const saved = this.#all.saved.map((item) => (isMeant(item) ? { ...item, message } : item));
      this.#all = { ...this.#all, saved };
      this.publish();
    } catch (error) {
      asApiError(error); // it is shown without its text
    }
  }
}

/** All items of a list with a cursor. */
export async function pages<T>(
  read: (query: { limit: number; cursor?: string }) => Promise<{ items: T[]; next: string | null }>,
): Promise<T[]> {
  const items: T[] = [];
  let query: { limit: number; cursor?: string } = { limit: PAGE };
  for (;;) {
    const page = await read(query);
    items.push(...page.items);
    if (page.next === null) return items;
    query = { limit: PAGE, cursor: page.next };
  }
}

function changed(lists: ItemLists, frame: ItemChanged): ItemLists {
  const { room, seq, id } = frame;
  switch (frame.kind) {
    case "draft": {
      const isOther = (item: Draft): boolean => item.room !== room || item.thread !== (seq ?? 0);
      return { ...lists, drafts: replaced(lists.drafts, isOther, frame.value as Draft) };
    }
    case "saved": {
      const isOther = (item: SavedMessage): boolean => item.room !== room || item.seq !== seq;
      const known = lists.saved.find((item) => !isOther(item));
      const value = frame.value && { ...known, ...(frame.value as SavedMessage) };
      return { ...lists, saved: replaced(lists.saved, isOther, value) };
    }
    case "scheduled": {
      const isOther = (item: Scheduled): boolean => item.id !== id;
      return {
        ...lists,
        scheduled: replaced(lists.scheduled, isOther, frame.value as Scheduled),
      };
    }
    case "reminder": {
      const isOther = (item: Reminder): boolean => item.id !== id;
      return {
        ...lists,
        reminders: replaced(lists.reminders, isOther, frame.value as Reminder),
      };
    }
    case "block": {
      const isOther = (item: Block): boolean => item.user !== id;
      return { ...lists, blocks: replaced(lists.blocks, isOther, frame.value as Block) };
    }
    default:
      return lists;
  }
}

function replaced<T>(
  items: readonly T[],
  isOther: (item: T) => boolean,
  value: T | null | undefined,
): readonly T[] {
  const others = items.filter(isOther);
  return value ? [value, ...others] : others;
}
