import { signal } from "@preact/signals";
import { ApiError } from "chat-client";
import { t } from "../i18n";

export interface Notice {
  readonly id: number;
  readonly text: string;
  /** Names the line in the log of the server. */
  readonly request: string | undefined;
  readonly undo: { readonly label: string; readonly run: () => void } | undefined;
  readonly bad: boolean;
}

const SHOWN_MS = 8000;
export const notices = signal<readonly Notice[]>([]);
let last = 0;

export function dismiss(id: number): void {
  notices.value = notices.peek().filter((notice) => notice.id !== id);
}

function show(notice: Omit<Notice, "id">): void {
  const id = ++last;
  notices.value = [...notices.peek().slice(-2), { ...notice, id }];
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function inform(text: string, undo?: Notice["undo"]): void {
  show({ text, request: undefined, undo, bad: false });
}

/** What happened, as the server says it, or what to do where it said nothing. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return t("error_unexpected");
  if (error.code === "unreachable") return t("error_unreachable");
  if (error.code === "rate_limited") return t("error_rate_limited");
  return error.errors.length > 0
    ? error.errors.map((field) => field.message).join(" ")
    : error.detail;
}

export function complain(error: unknown): void {
  const request = error instanceof ApiError ? error.request_id : undefined;
  show({ text: explain(error), request, undo: undefined, bad: true });
  if (!(error instanceof ApiError)) console.error(error);
}

/** Runs what a person has asked for, and shows why it failed. */
export async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    complain(error);
    return undefined;
  }
}
