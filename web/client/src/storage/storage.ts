/**
 * Where a client keeps what it has to know after a restart: an ordered map of strings to values
 * that can be cloned. Rejections are allowed: the client goes on in memory, and says so.
 */
export interface Storage {
  /** Clients with the same `scope` and the same user are tabs of one browser: they share the
   * storage and one socket. Absent: the client shares with nobody. */
  readonly scope?: string;
  get(key: string): Promise<unknown>;
  /** All entries whose key begins with `prefix`, by key. */
  list(prefix: string): Promise<[key: string, value: unknown][]>;
  /** All or nothing, in the order of the calls; a value of undefined deletes the key. */
  write(changes: readonly (readonly [key: string, value: unknown])[]): Promise<void>;
  close?(): void;
}
