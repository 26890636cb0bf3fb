import type { InvalidField, Retry } from "./types.js";

/** What a refusal says beside its code and its text. */
export interface ErrorDetails {
  status?: number;
  retry?: Retry;
  retry_after_ms?: number | undefined;
  request_id?: string | undefined;
  errors?: readonly InvalidField[] | undefined;
}

/**
 * A refusal of the server, or no answer at all. `code` is one of docs/protocol.md, or `unreachable`
 * (no answer came; the server may have executed the request), `http_502` and the like (a proxy
 * answered instead of the chat server) or `closed` (the client was stopped). `detail` is for people;
 * `status` is 0 where there was no HTTP answer.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly retry: Retry;
  readonly retry_after_ms: number | undefined;
  readonly request_id: string | undefined;
  readonly errors: readonly InvalidField[];

  constructor(
    readonly code: string,
    readonly detail: string,
    details: ErrorDetails = {},
  ) {
    super(detail);
    this.status = details.status ?? 0;
    this.retry = details.retry ?? "never";
    this.retry_after_ms = details.retry_after_ms;
    this.request_id = details.request_id;
    this.errors = details.errors ?? [];
  }

  /** Repeating the same request cannot succeed. */
  get is_final(): boolean {
    return this.retry === "never";
  }

  /** The pause before the request may be repeated; meaningless if `is_final`. */
  get wait_ms(): number {
    return this.retry === "now" ? 0 : (this.retry_after_ms ?? 1000);
  }
}

export function unreachable(detail: string): ApiError {
  return new ApiError("unreachable", detail, { retry: "now" });
}

export function closed(detail: string): ApiError {
  return new ApiError("closed", detail);
}

/** Errors of other kinds are defects: they are thrown again. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}
