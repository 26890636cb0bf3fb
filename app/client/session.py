"""A session: its tokens, which are renewed in time and by one request at a time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from app.client.errors import RequestRejected, Unreachable
from app.client.http import HttpClient
from app.wire.errors import ErrorCode
from app.wire.schemas.users import TokenOut

TOKEN = "/api/v1/auth/token"  # noqa: S105  # a path
EARLY_S = 20.0  # renew an access token that is valid for less than this
CLOSING_S = 5.0
# After a lost answer: the server repeats the answer until its tokens are used.
LOST_ANSWER_PAUSES_S = (0.2, 1.0, 3.0)


class Session:
    """Tokens are kept in memory; `on_tokens` gets every new pair to store it elsewhere. With the
    `device_token` of an earlier login, failed logins of others do not delay this one.

    A refresh token works once, so a renewal is one task that all callers await and that continues
    if one of them is cancelled.
    """

    def __init__(
        self,
        http: HttpClient,
        on_tokens: Callable[[TokenOut], None] | None = None,
        device_token: str | None = None,
    ) -> None:
        self.http = http
        self._on_tokens = on_tokens
        self._device_token = device_token
        self._tokens: TokenOut | None = None
        self._refresh_token = ""
        self._good_until = 0.0
        self._renewal: asyncio.Task[str] | None = None

    async def log_in(self, username: str, password: str) -> None:
        """Raises RequestRejected (invalid_grant: unknown user or wrong password), Unreachable."""
        form = {"grant_type": "password", "username": username, "password": password}
        if self._device_token:
            form["device_token"] = self._device_token
        self._keep(await self._ask(form))

    async def resume(self, refresh_token: str) -> None:
        """Continue an earlier session. Raises RequestRejected, Unreachable."""
        self._tokens, self._refresh_token = None, refresh_token
        await self.renew()

    async def close(self) -> None:
        """Let a renewal finish, so that `on_tokens` gets its tokens."""
        renewal = self._renewal
        if renewal:
            await asyncio.wait([renewal], timeout=CLOSING_S)
            renewal.cancel()

    async def request(self, method: str, path: str, **content: Any) -> bytes:
        """Send a request with the access token, which is renewed once if the server does not accept
        it and the session has not ended."""
        token = await self.token()
        try:
            return await self.http.request(method, path, token, **content)
        except RequestRejected as rejection:
            if rejection.status != 401 or rejection.code == ErrorCode.SESSION_ENDED:
                raise
        if self._tokens is not None and token == self._tokens.access_token:
            await self.renew()
        return await self.http.request(method, path, await self.token(), **content)

    async def token(self) -> str:
        """An access token that is still valid. Raises RequestRejected if there is no session."""
        if self._tokens is not None and time.monotonic() < self._good_until:
            return self._tokens.access_token
        return await self.renew()

    async def renew(self) -> str:
        """A new access token; concurrent callers share one renewal. Raises as `log_in`."""
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(self._renewed)
        return await asyncio.shield(self._renewal)

    async def _renew(self) -> str:
        if not self._refresh_token:
            raise RequestRejected("unauthenticated", "Log in first.", status=401)
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        for pause_s in LOST_ANSWER_PAUSES_S:
            try:
                return self._keep(await self._ask(form))
            except Unreachable:
                await asyncio.sleep(pause_s)
        return self._keep(await self._ask(form))

    def _renewed(self, task: "asyncio.Task[str]") -> None:
        self._renewal = None
        if not task.cancelled():
            task.exception()  # retrieved: there may be no caller left

    async def _ask(self, form: dict[str, str]) -> TokenOut:
        return TokenOut.model_validate_json(await self.http.request("POST", TOKEN, data=form))

    def _keep(self, tokens: TokenOut) -> str:
        self._device_token = tokens.device_token or self._device_token
        tokens = tokens.model_copy(update={"device_token": self._device_token})
        self._tokens, self._refresh_token = tokens, tokens.refresh_token
        left_s = max(tokens.expires_in - EARLY_S, tokens.expires_in / 2)
        self._good_until = time.monotonic() + left_s
        if self._on_tokens:
            self._on_tokens(tokens)
        return tokens.access_token
