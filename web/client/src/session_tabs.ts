/** What the tabs of a browser tell each other about the session. */

import { type Channel, countHolders, holdLock, openChannel, sharedName, withLock } from "./tabs.js";
import type { User } from "./types.js";

/** Another tab that has a token answers sooner. */
const ANSWER_MS = 500;

export interface Token {
  readonly access: string;
  /** A time in ms. */
  readonly good_until: number;
}

export type SessionMessage =
  | { readonly kind: "ask" }
  | { readonly kind: "token"; readonly token: Token }
  | { readonly kind: "signed_in"; readonly user: User; readonly token: Token }
  | { readonly kind: "signed_out"; readonly reason: string | undefined };

export class SessionTabs {
  readonly #name: string | undefined;
  readonly #channel: Channel;
  readonly #leave: () => void;
  readonly #waiting = new Set<(token: Token) => void>();

  constructor(scope: string | undefined, onMessage: (message: SessionMessage) => void) {
    this.#name = sharedName(scope, "session");
    this.#channel = openChannel(this.#name, (data) => {
      const message = data as SessionMessage;
      onMessage(message);
      if (message.kind !== "token") return;
      for (const resolve of this.#waiting) resolve(message.token);
    });
    this.#leave = holdLock(this.#alive, () => undefined, "shared");
  }

  tell(message: SessionMessage): void {
    this.#channel.post(message);
  }

  /** One tab renews at a time. */
  renewAlone(work: () => Promise<string>): Promise<string> {
    return withLock(this.#name && `${this.#name}:renew`, work);
  }

  /** The token of another tab, if there is one. */
  async askForToken(): Promise<Token | undefined> {
    if ((await countHolders(this.#alive)) < 2) return undefined;
    return new Promise((resolve) => {
      const answer = (token?: Token): void => {
        clearTimeout(timer);
        this.#waiting.delete(answer);
        resolve(token);
      };
      const timer = setTimeout(answer, ANSWER_MS);
      this.#waiting.add(answer);
      this.tell({ kind: "ask" });
    });
  }

  close(): void {
    this.#leave();
    this.#channel.close();
  }

  get #alive(): string | undefined {
    return this.#name && `${this.#name}:alive`;
  }
}
