/** A session: who the user is, and the tokens, which one tab renews for all in time. */

import { type AnyRequest, Api, type Method } from "./api.js";
import { ApiError, asApiError } from "./errors.js";
import { fillPath, type HttpClient } from "./http.js";
import { Value } from "./observable.js";
import type { SafeStorage } from "./safe_storage.js";
import { type SessionMessage, SessionTabs, type Token } from "./session_tabs.js";
import { sleep } from "./timers.js";
import { type AuthMode, type TokenAnswer, TokenRequests } from "./tokens.js";
import type { Registration, SessionState, User } from "./types.js";

/** An access token that is valid for less than this is renewed. */
const EARLY_MS = 20_000;
/** After a lost answer: the server repeats the answer until its tokens are used. */
const LOST_ANSWER_PAUSES_MS = [200, 1000, 3000];
/** The refusals of a renewal that end the session. Others may come from a proxy. */
const ENDS_SESSION: ReadonlySet<string> = new Set([
  "invalid_grant",
  "session_ended",
  "unauthenticated",
  "token_expired",
  "forbidden",
]);
const KEY = "session";

interface StoredSession {
  user: User;
  refresh_token?: string;
}

export class Session {
  readonly state = new Value<SessionState>({ state: "unknown" });
  readonly api = new Api((method, path, request) => this.send(method, path, request));
  readonly #requests: TokenRequests;
  readonly #tabs: SessionTabs;
  #token: Token | undefined;
  #renewal: Promise<string> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly http: HttpClient,
    private readonly storage: SafeStorage,
    private readonly mode: AuthMode,
    scope: string | undefined,
  ) {
    this.#requests = new TokenRequests(http, mode);
    this.#tabs = new SessionTabs(scope, (message) => {
      this.#onMessage(message);
    });
  }

  get user(): User | undefined {
    const state = this.state.get();
    return state.state === "signed_in" ? state.user : undefined;
  }

  /** Known users are signed in at once, also without a network; a refusal signs them out later. */
  async restore(): Promise<SessionState> {
    const stored = (await this.storage.get(KEY)) as StoredSession | undefined;
    if (stored) {
      this.state.set({ state: "signed_in", user: stored.user });
      this.#renewSoon(0);
    } else if (this.mode === "bearer") {
      this.state.set({ state: "signed_out" });
    } else {
      await this.#restoreFromCookie();
    }
    return this.state.get();
  }

  async signIn(username: string, password: string): Promise<User> {
    const key = `device/${username}`;
    const device = (await this.storage.get(key)) as string | undefined;
    const answer = await this.#requests.logIn(username, password, device);
    if (answer.device_token) await this.storage.write([key, answer.device_token]);
    this.#keep(answer);
    const user = await this.#readUser();
    await this.#adopt(user, answer.refresh_token);
    return user;
  }

  async register(account: Registration): Promise<User> {
    await this.http.request("post", "/api/v1/auth/register", { body: account });
    return this.signIn(account.username, account.password);
  }

  /** Throws ApiError without a network: the session would go on. */
  async signOut(): Promise<void> {
    try {
      await this.#requests.logOut(await this.token());
    } catch (error) {
      if (!ENDS_SESSION.has(asApiError(error).code)) throw error;
    }
    await this.end();
  }

  async signOutEverywhere(): Promise<void> {
    const sessions = await this.api.get("/auth/sessions");
    for (const { id, current } of sessions) {
      if (current) continue;
      await this.api.delete("/auth/sessions/{session_id}", { path: { session_id: id } });
    }
    await this.signOut();
  }

  /** The session is over: `reason` is for people, absent if the user has ended it. */
  async end(reason?: string): Promise<void> {
    if (this.state.get().state === "signed_out") return;
    this.#tabs.tell({ kind: "signed_out", reason });
    this.#setSignedOut(reason);
    await this.storage.write([KEY, undefined]);
  }

  /** The server says who the user is now. */
  async setUser(user: User): Promise<void> {
    const { user: known } = this;
    if (known && isSameUser(known, user)) return;
    this.state.set({ state: "signed_in", user });
    const stored = (await this.storage.get(KEY)) as StoredSession | undefined;
    await this.storage.write([KEY, { ...stored, user }]);
  }

  /** An access token that is still valid. Throws ApiError if there is no session. */
  async token(): Promise<string> {
    const token = this.#token;
    return token && Date.now() < token.good_until ? token.access : this.renew();
  }

  /** A new access token; concurrent callers share one renewal. */
  renew(): Promise<string> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#tabs.close();
  }

  /**
   * With the token, if there is a session. It is renewed once if the server does not accept it and
   * the session has not ended.
   */
  async send(method: Method, path: string, request: AnyRequest): Promise<unknown> {
    const { path: values, ...rest } = request;
    const target = `/api/v1${fillPath(path, values)}`;
    if (!this.#token && !this.user) return this.http.request(method, target, rest);
    const token = await this.token();
    try {
      return await this.http.request(method, target, { ...rest, token });
    } catch (error) {
      const refusal = asApiError(error);
      if (refusal.status !== 401) throw refusal;
      if (refusal.code === "session_ended") {
        await this.end(refusal.detail);
        throw refusal;
      }
    }
    if (token === this.#token?.access) await this.renew();
    return this.http.request(method, target, { ...rest, token: await this.token() });
  }

  async #renew(): Promise<string> {
    const stale = this.#token?.access;
    return this.#tabs.renewAlone(async () => {
      await this.#tabs.askForToken(); // `#onMessage` keeps it
      const token = this.#token;
      if (token && token.access !== stale && Date.now() < token.good_until) return token.access;
      try {
        return await this.#renewWithLock();
      } catch (error) {
        const refusal = asApiError(error);
        if (ENDS_SESSION.has(refusal.code)) await this.end(refusal.detail);
        throw refusal;
      }
    });
  }

  async #renewWithLock(): Promise<string> {
    const stored = (await this.storage.get(KEY)) as StoredSession | undefined;
    if (this.mode === "bearer" && stored?.refresh_token === undefined) {
      throw new ApiError("unauthenticated", "Sign in first.", { status: 401 });
    }
    const answer = await this.#askForToken(stored?.refresh_token ?? "");
    if (stored && answer.refresh_token !== undefined) {
      await this.storage.write([KEY, { ...stored, refresh_token: answer.refresh_token }]);
    }
    const token = this.#keep(answer);
    this.#tabs.tell({ kind: "token", token });
    return token.access;
  }

  async #askForToken(refresh_token: string): Promise<TokenAnswer> {
    for (const pause of LOST_ANSWER_PAUSES_MS) {
      try {
        return await this.#requests.renew(refresh_token);
      } catch (error) {
        if (asApiError(error).code !== "unreachable") throw error;
        await sleep(pause);
      }
    }
    return this.#requests.renew(refresh_token);
  }

  async #restoreFromCookie(): Promise<void> {
    try {
      await this.renew();
      await this.#adopt(await this.#readUser(), undefined);
    } catch (error) {
      const refusal = asApiError(error);
      if (this.state.get().state === "signed_in") return; // by another tab
      const is_new = refusal.code === "unauthenticated";
      this.#setSignedOut(is_new ? undefined : refusal.detail);
    }
  }

  async #readUser(): Promise<User> {
    const account = await this.api.get("/users/me");
    const { id, username, display_name } = account;
    return { id, username, display_name };
  }

  async #adopt(user: User, refresh_token: string | undefined): Promise<void> {
    const stored: StoredSession = refresh_token === undefined ? { user } : { user, refresh_token };
    await this.storage.write([KEY, stored]);
    this.state.set({ state: "signed_in", user });
    if (this.#token) {
      this.#tabs.tell({ kind: "signed_in", user, token: this.#token });
    }
  }

  #keep(answer: TokenAnswer): Token {
    const lifetime_ms = answer.expires_in * 1000;
    const good_ms = Math.max(lifetime_ms - EARLY_MS, lifetime_ms / 2);
    return this.#setToken({ access: answer.access_token, good_until: Date.now() + good_ms });
  }

  #setToken(token: Token): Token {
    this.#token = token;
    this.#renewSoon(token.good_until - Date.now());
    return token;
  }

  /** Later, a request does it. */
  #renewSoon(delay_ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.token().catch(() => undefined); // the next request tries again and tells its caller
    }, delay_ms);
  }

  #setSignedOut(reason: string | undefined): void {
    clearTimeout(this.#timer);
    this.#token = undefined;
    this.state.set(
      reason === undefined ? { state: "signed_out" } : { state: "signed_out", reason },
    );
  }

  #onMessage(message: SessionMessage): void {
    switch (message.kind) {
      case "ask":
        if (this.#token && Date.now() < this.#token.good_until) {
          this.#tabs.tell({ kind: "token", token: this.#token });
        }
        break;
      case "token":
        this.#setToken(message.token);
        break;
      case "signed_in":
        this.#setToken(message.token);
        this.state.set({ state: "signed_in", user: message.user });
        break;
      case "signed_out":
        if (this.state.get().state === "signed_in") this.#setSignedOut(message.reason);
    }
  }
}

function isSameUser(a: User, b: User): boolean {
  return a.id === b.id && a.username === b.username && a.display_name === b.display_name;
}
