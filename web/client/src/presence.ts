/** Who is online, among the users that somebody looks at. */

import { type Observable, Value } from "./observable.js";
import type { PresenceState } from "./types.js";

export class PresenceDirectory {
  readonly #users = new Map<string, Value<PresenceState>>();
  readonly #observed = new Set<string>();

  /** `subscribe` gets the observed users after each change. */
  constructor(private readonly subscribe: (users: readonly string[]) => void) {}

  get(id: string): Observable<PresenceState> {
    let user = this.#users.get(id);
    if (!user) {
      user = new Value<PresenceState>("unknown", () => {
        this.#observed.add(id);
        this.#tell();
        return () => {
          this.#observed.delete(id);
          this.#tell();
        };
      });
      this.#users.set(id, user);
    }
    return user;
  }

  onFrame(users: readonly { user: string; state: PresenceState }[]): void {
    for (const { user, state } of users) this.#users.get(user)?.set(state);
  }

  /** Without a connection nothing is known. */
  forget(): void {
    for (const user of this.#users.values()) user.set("unknown");
  }

  #tell(): void {
    this.subscribe([...this.#observed]);
  }
}
