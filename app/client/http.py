"""Requests and refusals: one place that knows httpx."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from app.client.errors import Refused, Unreachable
from app.wire.errors import Retry
from app.wire.validation import InvalidField

ATTEMPTS = 4
MOST_WAIT_S = 30.0  # a longer `retry_after_ms` is for the caller to decide about
_UNAVAILABLE = frozenset({429, 502, 503, 504})


class _Problem(BaseModel):
    """What a client needs of RFC 9457 problems; codes of newer servers are no reason to fail."""

    code: str
    detail: str
    retry: Retry
    retry_after_ms: int | None = None
    errors: list[InvalidField] | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, whom to trust (None: the system's authorities), and as what to come."""

    url: httpx.URL
    tls: ssl.SSLContext | None
    agent: str

    @classmethod
    def at(cls, base_url: str, tls: ssl.SSLContext | None, agent: str) -> "Server":
        """Raises ValueError for what is no http(s) address."""
        try:
            url = httpx.URL(base_url.rstrip("/"))
        except httpx.InvalidURL as error:
            raise ValueError(f"{base_url!r}: {error}") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"{base_url!r} is no address such as http://127.0.0.1:8000")
        return cls(url, tls, agent)

    def __str__(self) -> str:
        return f"{self.url.scheme}://{self.url.netloc.decode()}"


class Http:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._client = httpx.AsyncClient(
            base_url=server.url,
            verify=server.tls or True,
            timeout=httpx.Timeout(30.0, connect=10.0),
            headers={"User-Agent": server.agent, "Accept": "application/json"},
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def request(
        self, method: str, path: str, token: str | None = None, **content: Any
    ) -> bytes:
        """The body of a 2xx. Raises Refused, Unreachable.

        The same is sent again only when the server says `retry`, and so many times at most.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._once(method, path, token, content)
            except Refused as refused:
                if refused.final or refused.wait_s > MOST_WAIT_S:
                    raise
                await asyncio.sleep(refused.wait_s)
        return await self._once(method, path, token, content)

    async def _once(
        self, method: str, path: str, token: str | None, content: dict[str, Any]
    ) -> bytes:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = await self._client.request(method, path, headers=headers, **content)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"{self._server} does not answer ({reason}).") from error
        if answer.is_success:
            return answer.content
        raise refusal(answer.status_code, answer.content, answer.headers.get("Retry-After"))


def refusal(status: int, body: bytes, retry_after: str | None) -> Refused:
    """From the answer of the server, or of whatever stands before it."""
    try:
        problem = _Problem.model_validate_json(body)
    except ValidationError:
        return Refused(
            f"http_{status}",
            f"The address answers with HTTP {status}, which is not the chat server's.",
            retry=Retry.AFTER if status in _UNAVAILABLE else Retry.NEVER,
            retry_after_ms=_seconds_in_ms(retry_after),
            status=status,
        )
    after_ms = problem.retry_after_ms
    return Refused(
        problem.code,
        problem.detail,
        retry=problem.retry,
        retry_after_ms=_seconds_in_ms(retry_after) if after_ms is None else after_ms,
        status=status,
        errors=problem.errors or (),
    )


def _seconds_in_ms(header: str | None) -> int | None:
    return int(header) * 1000 if header and header.isascii() and header.isdigit() else None
