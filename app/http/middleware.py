"""The ASGI layers of every request, from outside in: RequestLogMiddleware, CorsMiddleware,
BodyLimitMiddleware, DirectReadMiddleware (`direct_reads.py`), the application."""

import time
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import metrics
from app.core.ids import new_id, parse_id
from app.core.origins import is_allowed
from app.http.problems import problem_response
from app.http.rate_fields import get_rate_fields
from app.http.session_cookie import set_cookies_apart
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
HSTS = {"Strict-Transport-Security": "max-age=31536000"}


def _encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """As ASGI has them."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


_REQUEST_ID = b"x-request-id"
_HEADER_PAIRS, _HSTS_PAIRS = _encode_headers(HEADERS), _encode_headers(HSTS)

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

MAX_PATH_BYTES = 2 * 1024
MAX_QUERY_BYTES, MAX_PARAMETERS = 8 * 1024, 100
# Percent-encoded as received, so that no character gets longer in the log.
LOGGED_PATH_BYTES = 200


class RequestLogMiddleware:
    """Gives every request an id, security headers and one line in the log.

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
                await self._handle_http(scope, receive, send, request_id)
            else:
                await self._app(scope, receive, send)

    async def _handle_http(
        self, scope: Scope, receive: Receive, send: Send, request_id: str
    ) -> None:
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, scope, request_id)
                if scope["state"]["context"].draining.is_set():
                    # The next request goes elsewhere.
                    MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        # HEAD is GET without the body (RFC 9110, 9.3.2), which uvicorn omits.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        inner = {**scope, "method": method}
        try:
            await self._app(inner, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            _count(inner, method, status, seconds)
            log.info(
                "http.request",
                method=scope["method"],
                path=_logged_path(scope),
                status=status,
                duration_ms=round(seconds * 1000, 2),
                client_address=scope["client"][0] if scope.get("client") else None,
            )


class CorsMiddleware(CORSMiddleware):
    def is_allowed_origin(self, origin: str) -> bool:
        return is_allowed(origin, set(self.allow_origins))


class BodyLimitMiddleware:
    """Refuses requests above the limits, and answers with a problem when the application fails.

    FastAPI's own body limit would answer outside of RequestLogMiddleware, and not with a problem.
    This layer is inside of CORS, so that pages of other origins can read its refusals.

    It sets cookies apart. One endpoint reads one (`session_cookie.py`), but FastAPI parses all for
    every request with a Python function that takes a minute for 60 KB of backslashes
    (CVE-2024-7592, in Python before 3.11.10 and 3.12.6).
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["state"]["request_id"]
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        set_cookies_apart(scope)
        if refusal := self._check_head(scope):
            await problem_response(refusal, request_id, scope["path"])(scope, receive, send)
            return
        try:
            await self._app(scope, self._limit_body(receive), send_and_note)
        except Exception:
            log.exception("http.request_failed", method=scope["method"], path=_logged_path(scope))
            if has_begun:  # uvicorn closes the connection
                raise
            failure = Internal(f"The server failed; its log has this as request {request_id}.")
            await problem_response(failure, request_id, scope["path"])(scope, receive, send)

    def _check_head(self, scope: Scope) -> ChatError | None:
        """The error if the head exceeds a limit. A head has at most 64 KiB (`http/framing.py`), but
        the application reads its parts many times."""
        if len(scope["raw_path"]) > MAX_PATH_BYTES:
            return NotFound(f"There is nothing at addresses of more than {MAX_PATH_BYTES} bytes.")
        if len(scope["query_string"]) > MAX_QUERY_BYTES:
            return TooLarge(f"A query has at most {MAX_QUERY_BYTES} bytes here.")
        if scope["query_string"].count(b"&") >= MAX_PARAMETERS:
            return Invalid(f"A query has at most {MAX_PARAMETERS} parameters here.")
        if _get_content_length(scope) > self._max_body_bytes:
            return TooLarge(f"A body has at most {self._max_body_bytes} bytes here.")
        return None

    def _limit_body(self, receive: Receive) -> Receive:
        """Limits bodies without `Content-Length`."""
        received_bytes, more = 0, True

        async def receive_limited() -> Message:
            nonlocal received_bytes, more
            message = await receive()
            if more and message["type"] == "http.disconnect":
                raise HTTPException(408)  # not sent: `http/http_protocol.py` has answered
            more = message.get("more_body", False)
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._max_body_bytes:
                raise HTTPException(413)  # becomes a problem in the error handlers
            return message

        return receive_limited


def _get_content_length(scope: Scope) -> float:
    """0 if there is none."""
    length = Headers(scope=scope).get("content-length", "0")
    return float(length) if length.isdecimal() else 0


def _logged_path(scope: Scope) -> str:
    path: bytes = scope["raw_path"]
    return path[:LOGGED_PATH_BYTES].decode("latin-1")


def _request_id(scope: Scope) -> str:
    """The caller's X-Request-ID if it is a UUID, since any text could forge lines in the log."""
    for name, value in scope["headers"]:
        if name == _REQUEST_ID and (request_id := parse_id(value.decode("latin-1"))):
            return str(request_id)
    return str(new_id())


def _count(scope: Scope, method: str, status: int, seconds: float) -> None:
    """By the route's template, so that no path makes a new row."""
    route = getattr(scope.get("route"), "path", "none")
    method = method if method in METHODS else "other"
    metrics.HTTP_REQUESTS.labels(method, route, status).inc()
    metrics.HTTP_SECONDS.labels(method, route).observe(seconds)


def _add_headers(message: Message, scope: Scope, request_id: str) -> None:
    """Those that the application has set stay as they are. Starlette's headers look through all of
    them for each of these."""
    headers = [pair for pair in message.get("headers", ()) if pair[0] != _REQUEST_ID]
    present = {name for name, _ in headers}
    headers.append((_REQUEST_ID, request_id.encode()))
    defaults = [*_HEADER_PAIRS, *_encode_headers(get_rate_fields(scope))]
    headers += [pair for pair in defaults if pair[0] not in present]
    if scope["scheme"] == "https":
        headers += _HSTS_PAIRS
    message["headers"] = headers
