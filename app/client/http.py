"""HTTP requests. The only module that uses httpx."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from app.client.errors import RequestRejected, Unreachable
from app.wire.errors import Retry
from app.wire.validation import InvalidField

ATTEMPTS = 4
MAX_WAIT_S = 30.0  # after a longer `retry_after_ms` the caller decides
_UNAVAILABLE = frozenset({429, 502, 503, 504})


class _Problem(BaseModel):
    """An RFC 9457 problem. `code` is a string: a newer server may send unknown ones."""

    code: str
    detail: str
    retry: Retry
    retry_after_ms: int | None = None
    errors: list[InvalidField] | None = None


def context_for_ca(ca: Path) -> ssl.SSLContext:
    """Trusts the certificates in this PEM file and no others, for HTTP and sockets.

    Raises OSError if it cannot be read, ssl.SSLError if it holds no certificate.
    """
    return ssl.create_default_context(cafile=ca)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """`tls` None trusts the system's authorities; `agent` is the User-Agent."""

    url: httpx.URL
    tls: ssl.SSLContext | None
    agent: str

    @classmethod
    def at(cls, base_url: str, tls: ssl.SSLContext | None, agent: str) -> "ServerAddress":
        """Raises ValueError if `base_url` is not an http(s) address."""
        try:
            url = httpx.URL(base_url.rstrip("/"))
        except httpx.InvalidURL as error:
            raise ValueError(f"{base_url!r}: {error}") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"{base_url!r} is not an address such as http://127.0.0.1:8000")
        return cls(url, tls, agent)

    def __str__(self) -> str:
        return f"{self.url.scheme}://{self.url.netloc.decode()}"


class HttpClient:
    def __init__(self, server: ServerAddress) -> None:
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
        """The body of a 2xx. Repeats a request that the server says may be retried, ATTEMPTS times
        in all. Raises RequestRejected, Unreachable."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._send(method, path, token, content)
            except RequestRejected as rejection:
                if rejection.is_final or rejection.wait_s > MAX_WAIT_S:
                    raise
                await asyncio.sleep(rejection.wait_s)
        return await self._send(method, path, token, content)

    async def _send(
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


def refusal(status: int, body: bytes, retry_after: str | None) -> RequestRejected:
    """From the answer of the server or of a proxy before it."""
    try:
        problem = _Problem.model_validate_json(body)
    except ValidationError:
        return RequestRejected(
            f"http_{status}",
            f"The address answers with HTTP {status}, which is not the chat server's.",
            retry=Retry.AFTER if status in _UNAVAILABLE else Retry.NEVER,
            retry_after_ms=_seconds_in_ms(retry_after),
            status=status,
        )
    after_ms = problem.retry_after_ms
    return RequestRejected(
        problem.code,
        problem.detail,
        retry=problem.retry,
        retry_after_ms=_seconds_in_ms(retry_after) if after_ms is None else after_ms,
        status=status,
        errors=problem.errors or (),
    )


def _seconds_in_ms(header: str | None) -> int | None:
    return int(header) * 1000 if header and header.isascii() and header.isdigit() else None
