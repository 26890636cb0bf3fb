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

/** What is wrong with the values of a form, by the names of its fields. */
export type Refusals<F extends string> = Partial<Readonly<Record<F, string>>>;

const ABOUT_A_VALUE: readonly string[] = ["invalid", "too_many", "username_taken"];

/** What the server says about fields of a form; what is about none of them stands at the first one.
 * Null if the values are not what is wrong. */
export function refusalsOf<F extends string>(
  error: unknown,
  fields: readonly [F, ...F[]],
): Refusals<F> | null {
  if (!(error instanceof ApiError) || !ABOUT_A_VALUE.includes(error.code)) return null;
  const refusals: Partial<Record<F, string>> = {};
  for (const { path, message } of error.errors) {
    const field = fields.find((name) => name === path);
    if (field !== undefined) refusals[field] ??= capitalize(message);
  }
  return Object.keys(refusals).length > 0
    ? refusals
    : ({ [fields[0]]: error.detail } as Refusals<F>);
}

const capitalize = (text: string): string => text.charAt(0).toLocaleUpperCase() + text.slice(1);

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
