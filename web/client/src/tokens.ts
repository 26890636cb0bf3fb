/** The requests that give and renew tokens: with a cookie, or with a refresh token. */

import type { HttpClient } from "./http.js";

export type AuthMode = "cookie" | "bearer";

export interface TokenAnswer {
  access_token: string;
  expires_in: number;
  refresh_token?: string;
  device_token?: string | null;
}

const COOKIE = "/api/v1/auth/cookie";
const BEARER = "/api/v1/auth/token";

/** All throw ApiError. */
export class TokenRequests {
  constructor(
    private readonly http: HttpClient,
    private readonly mode: AuthMode,
  ) {}

  async logIn(username: string, password: string, device?: string): Promise<TokenAnswer> {
    const form = { grant_type: "password", username, password };
    const path = this.mode === "cookie" ? COOKIE : BEARER;
    const answer = await this.http.request("post", path, {
      form: device === undefined ? form : { ...form, device_token: device },
    });
    return answer as TokenAnswer;
  }

  /** `refresh_token` is needed without a cookie. */
  async renew(refresh_token: string): Promise<TokenAnswer> {
    const answer =
      this.mode === "cookie"
        ? await this.http.request("post", `${COOKIE}/refresh`)
        : await this.http.request("post", BEARER, {
            form: { grant_type: "refresh_token", refresh_token },
          });
    return answer as TokenAnswer;
  }

  async logOut(token: string): Promise<void> {
    if (this.mode === "cookie") await this.http.request("post", `${COOKIE}/logout`);
    else await this.http.request("post", "/api/v1/auth/logout", { token });
  }
}
