/** HTTP requests; the only module that uses `fetch`. */

import { ApiError, asApiError, unreachable } from "./errors.js";
import { sleep } from "./timers.js";
import type { InvalidField, Retry } from "./types.js";

const ATTEMPTS = 4;
/** After a longer `retry_after_ms` the caller decides. */
const MAX_WAIT_MS = 30_000;
/** Before the first repeat, beyond the pause of the server; doubled for each further one. */
const JITTER_MS = 100;
const TIMEOUT_MS = 30_000;
const UNAVAILABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface HttpRequest {
  readonly query?: unknown;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly signal?: AbortSignal;
}

export class HttpClient {
  constructor(
    readonly url: string,
    private readonly fetch: typeof globalThis.fetch,
  ) {}

  /**
   * The JSON of a 2xx; undefined if it has no body. Repeats a request that the server says may be
   * repeated. Throws ApiError.
   */
  async request(method: string, path: string, request: HttpRequest = {}): Promise<unknown> {
    for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
      try {
        return await this.#send(method, path, request);
      } catch (error) {
        const refusal = asApiError(error);
        const is_final = refusal.is_final || refusal.code === "unreachable";
        if (is_final || refusal.wait_ms > MAX_WAIT_MS) throw refusal;
        await sleep(refusal.wait_ms + Math.random() * JITTER_MS * 2 ** attempt);
      }
    }
    return this.#send(method, path, request);
  }

  async #send(method: string, path: string, request: HttpRequest): Promise<unknown> {
    const headers: Record<string, string> = { Accept: "application/json" };
    const init: RequestInit = { method: method.toUpperCase(), headers, cache: "no-store" };
    if (request.token !== undefined) headers.Authorization = `Bearer ${request.token}`;
    if (request.form) {
      init.body = new URLSearchParams(request.form);
    } else if (request.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(request.body);
    }
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    init.signal = request.signal ? AbortSignal.any([timeout, request.signal]) : timeout;
    const url = `${this.url}${path}${queryString(request.query)}`;
    let answer: Response;
    let text: string;
    try {
      answer = await this.fetch(url, init);
      text = await answer.text();
    } catch (error) {
      if (request.signal?.aborted) throw new ApiError("aborted", "The request was given up.");
      throw unreachable(`${this.url} does not answer (${reasonOf(error)}).`);
    }
    if (!answer.ok) throw refusal(answer, text);
    if (text === "") return undefined;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw foreignAnswer(answer, "after");
    }
  }
}

/** `/rooms/{room_id}` with the values of its parameters. */
export function fillPath(template: string, values: unknown): string {
  const parameters = (values ?? {}) as Record<string, string | number>;
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    return encodeURIComponent(String(parameters[name]));
  });
}

function queryString(query: unknown): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    const values = (Array.isArray(value) ? value : [value]) as (string | number | boolean | null)[];
    for (const each of values) if (each != null) parameters.append(name, String(each));
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
}

interface Problem {
  code: string;
  detail: string;
  retry: Retry;
  retry_after_ms?: number | null;
  request_id?: string | null;
  errors?: InvalidField[] | null;
}

/** From the answer of the server, or of a proxy before it. */
function refusal(answer: Response, text: string): ApiError {
  const problem = parseProblem(text);
  if (!problem) return foreignAnswer(answer, UNAVAILABLE.has(answer.status) ? "after" : "never");
  return new ApiError(problem.code, problem.detail, {
    status: answer.status,
    retry: problem.retry,
    retry_after_ms: problem.retry_after_ms ?? retryAfter(answer),
    request_id: problem.request_id ?? answer.headers.get("X-Request-ID") ?? undefined,
    errors: problem.errors ?? [],
  });
}

function foreignAnswer(answer: Response, retry: Retry): ApiError {
  const status = answer.status;
  const detail = `The address answers with HTTP ${String(status)}, which is not the chat server's.`;
  return new ApiError(`http_${String(status)}`, detail, {
    status,
    retry,
    retry_after_ms: retryAfter(answer),
  });
}

function parseProblem(text: string): Problem | undefined {
  try {
    const problem = JSON.parse(text) as Partial<Problem> | null;
    const is_problem = typeof problem?.code === "string" && typeof problem.retry === "string";
    return is_problem ? (problem as Problem) : undefined;
  } catch {
    return undefined;
  }
}

function retryAfter(answer: Response): number | undefined {
  const header = answer.headers.get("Retry-After");
  return header && /^\d+$/.test(header) ? Number(header) * 1000 : undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
