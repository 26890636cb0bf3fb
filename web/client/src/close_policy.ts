/** Whether to reconnect after a socket has closed or could not be opened (docs/protocol.md). */

import type { ApiError } from "./errors.js";

/** `resume`: reconnect with all positions; `renew`: once, with a fresh token; `stop`: not at all. */
export type ReconnectAction = "resume" | "renew" | "stop";

export const CLOSED_REVOKED = 4403;
export const CLOSED_REPLACED = 4409;

/** 44xx stops, except for two codes that allow one attempt with a fresh token. */
export function actionForCode(code: number): ReconnectAction {
  if (code === 4401 || code === 4402) return "renew";
  return code >= 4400 && code <= 4499 ? "stop" : "resume";
}

/** For a ticket that was refused. What a proxy says is not the last word. */
export function actionForRefusal(error: ApiError): ReconnectAction {
  return error.is_final && !error.code.startsWith("http_") ? "stop" : "resume";
}

/** There is no socket, or none any more. `wait_ms` is the least pause before the next attempt. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";

  constructor(
    readonly action: ReconnectAction,
    readonly detail: string,
    readonly options: { code?: number; wait_ms?: number; refusal?: ApiError } = {},
  ) {
    super(detail);
  }

  static fromCode(code: number, reason: string): ConnectionLost {
    const detail = reason || `The connection was closed (${String(code)}).`;
    return new ConnectionLost(actionForCode(code), detail, { code });
  }

  static fromRefusal(refusal: ApiError): ConnectionLost {
    const wait_ms = refusal.is_final ? 0 : refusal.wait_ms;
    return new ConnectionLost(actionForRefusal(refusal), refusal.detail, { wait_ms, refusal });
  }
}
