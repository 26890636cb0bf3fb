"""Around every request. From outside in: `RequestLogMiddleware`, `Cors`, `BodyLimitMiddleware`, the program."""

import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import metrics
from app.core.ids import new_id, parse_id
from app.core.origins import is_allowed
from app.http.problems import problem_response
from app.http.rate_fields import noted_fields
from app.wire.errors import ChatError, Internal, Invalid, NotFound, TooLarge

log = structlog.get_logger("app.request")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000"

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

MAX_PATH_BYTES = 2 * 1024
MAX_QUERY_BYTES, MAX_PARAMETERS = 8 * 1024, 100
# As it came, percent-encoded: no character of it becomes a longer one in the log.
LOGGED_PATH_BYTES = 200


class RequestLogMiddleware:
    """An id, security headers and one line in the log for every request.

    Pure ASGI: `@app.middleware("http")` would break context variables and streaming. The line holds
    the path without its query and no header, so it never holds a token.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["state"]["request_id"] = request_id
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["type"] == "http":
                await self._http(scope, receive, send, request_id)
            else:
                await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                _add_headers(headers, scope, request_id)
                if scope["state"]["context"].draining.is_set():
                    headers["Connection"] = "close"  # the next request goes elsewhere
            await send(message)

        # HEAD is GET without the body (RFC 9110, 9.3.2), which uvicorn leaves out.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        inner = {**scope, "method": method}
        try:
            await self._app(inner, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            _count(inner, method, status, seconds)
            log.info(
                "request",
                method=scope["method"],
                path=_logged_path(scope),
                status=status,
                ms=round(seconds * 1000, 2),
                client=scope["client"][0] if scope.get("client") else None,
            )


class Cors(CORSMiddleware):
    def is_allowed_origin(self, origin: str) -> bool:
        return is_allowed(origin, set(self.allow_origins))


class BodyLimitMiddleware:
    """Lets nothing in that is larger than the limits, and nothing out that is not an answer.

    FastAPI's own limit would answer outside of `RequestLogMiddleware`, without a problem. Inside of CORS, so that a
    page of another origin can read these refusals, too.

    Cookies mean nothing here, but FastAPI parses them for every request, with a function of Python
    that takes a minute for 60 KB of backslashes (CVE-2024-7592, in Python before 3.11.10 and
    3.12.6): no cookie gets past this.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["state"]["request_id"]
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
        if refusal := self._refusal(scope):
            await problem_response(refusal, request_id, scope["path"])(scope, receive, send)
            return
        try:
            await self._app(scope, self._counting(receive), send_and_note)
        except Exception:
            log.exception("request.failed", method=scope["method"], path=_logged_path(scope))
            if begun:  # the connection can only be cut
                raise
            failure = Internal(f"The server failed; its log has this as request {request_id}.")
            await problem_response(failure, request_id, scope["path"])(scope, receive, send)

    def _refusal(self, scope: Scope) -> ChatError | None:
        """Of a head that would cost more to look at than any that makes sense. All of it has at
        most 64 KiB (`http/framing.py`), but what reads it does so many times."""
        if len(scope["raw_path"]) > MAX_PATH_BYTES:
            return NotFound(f"There is nothing at addresses of more than {MAX_PATH_BYTES} bytes.")
        if len(scope["query_string"]) > MAX_QUERY_BYTES:
            return TooLarge(f"A query has at most {MAX_QUERY_BYTES} bytes here.")
        if scope["query_string"].count(b"&") >= MAX_PARAMETERS:
            return Invalid(f"A query has at most {MAX_PARAMETERS} parameters here.")
        if _announced_bytes(scope) > self._max_body_bytes:
            return TooLarge(f"A body has at most {self._max_body_bytes} bytes here.")
        return None

    def _counting(self, receive: Receive) -> Receive:
        """For bodies that come in chunks and do not say how many."""
        so_far, more = 0, True

        async def receive_within() -> Message:
            nonlocal so_far, more
            message = await receive()
            if more and message["type"] == "http.disconnect":
                raise HTTPException(408)  # nobody hears it; `http/http_protocol.py` has said it
            more = message.get("more_body", False)
            so_far += len(message.get("body", b""))
            if so_far > self._max_body_bytes:
                raise HTTPException(413)  # becomes a problem where the program reads the body
            return message

        return receive_within


def _announced_bytes(scope: Scope) -> float:
    """Content-Length."""
    length = Headers(scope=scope).get("content-length", "0")
    return float(length) if length.isdecimal() else 0


def _logged_path(scope: Scope) -> str:
    path: bytes = scope["raw_path"]
    return path[:LOGGED_PATH_BYTES].decode("latin-1")


def _request_id(scope: Scope) -> str:
    """The caller's X-Request-ID if it is a UUID, so that it cannot forge lines in the log."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and (given := parse_id(value.decode("latin-1"))):
            return str(given)
    return str(new_id())


def _count(scope: Scope, method: str, status: int, seconds: float) -> None:
    """By the route's template, so that no path makes a new row."""
    route = getattr(scope.get("route"), "path", "none")
    method = method if method in METHODS else "other"
    metrics.HTTP_REQUESTS.labels(method, route, status).inc()
    metrics.HTTP_SECONDS.labels(method, route).observe(seconds)


def _add_headers(headers: MutableHeaders, scope: Scope, request_id: str) -> None:
    headers["X-Request-ID"] = request_id
    for name, value in (HEADERS | noted_fields(scope)).items():
        headers.setdefault(name, value)
    if scope["scheme"] == "https":
        headers["Strict-Transport-Security"] = HSTS
