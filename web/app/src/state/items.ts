import { computed } from "@preact/signals";
import { chat } from "./chat";
import { live } from "./live";

export const drafts = live(chat.items.drafts);
export const saved = live(chat.items.saved);
export const scheduled = live(chat.items.scheduled);
export const reminders = live(chat.items.reminders);
export const blocks = live(chat.items.blocks);
export const threads = live(chat.threads);

const savedKeys = computed(() => new Set(saved.value.map((item) => `${item.room} ${item.seq}`)));

export const isSaved = (room: string, seq: number): boolean =>
  savedKeys.value.has(`${room} ${seq}`);

export const draftOf = (room: string, thread: number | null): string =>
  drafts.value.find((draft) => draft.room === room && draft.thread === (thread ?? 0))?.text ?? "";
