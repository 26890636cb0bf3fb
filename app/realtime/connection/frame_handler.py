"""One connection from its hello to the end: handles its frames one by one, in their order."""

import asyncio
import re
from typing import Any

import structlog

from app.application.app_context import AppContext
from app.core.rate_limit import TokenBucket
from app.realtime.connection.dispatch import dispatch
from app.realtime.connection.services import ConnectionServices
from app.realtime.hub.connection import Connection
from app.wire.close_codes import CloseCode
from app.wire.errors import RateLimited
from app.wire.frame_parser import RefusedFrame, parse, parse_frame_id
from app.wire.frames import error_frame

log = structlog.get_logger(__name__)

_TYPE, _NUMBER = rb'"type": ?"pong"', rb'"n": ?(?:0|[1-9]\d{0,14})'
_PONG = re.compile(rb"\{%b, ?%b\}|\{%b, ?%b\}" % (_TYPE, _NUMBER, _NUMBER, _TYPE))
ABNORMAL_CLOSURE = 1006  # RFC 6455, 7.1.5: the connection was lost without a close frame


class FrameHandler:
    """An idle connection has one of these, and neither a task nor a timer."""

    __slots__ = ("_address", "_connection", "_context", "_credits", "_refusals", "_services")

    def __init__(
        self,
        context: AppContext,
        services: ConnectionServices,
        connection: Connection,
        address: str,
    ) -> None:
        self._context, self._services = context, services
        self._connection, self._address = connection, address
        limits = context.settings.limits
        self._credits = TokenBucket(limits.frames_per_minute / 60, limits.frames_burst)
        self._refusals = 0  # since the last frame that had a credit

    async def handle(self, message: Any) -> bool:
        """Called by the transport with each message. Returns whether the connection stays open;
        raises nothing, whatever the client sends."""
        keep_open = False
        try:
            keep_open = await self._handle(message)
        except Exception:
            log.exception("connection.handler_failed", client_address=self._address)
            reason = "the server failed: come back and resume"
            self._connection.close(CloseCode.INTERNAL, reason)
        finally:
            if not keep_open:
                self._services.hub.unregister(self._connection)
                self._log_closed()
        return keep_open

    def handle_pong_inline(self, data: bytes) -> bool:
        """Called by the transport while nothing else waits: returns whether this is a pong as most
        clients write it, which is all that they send. A task and a parser for each would be most of
        the CPU of idle sockets. Whatever else is a pong is handled as a frame."""
        if not _PONG.fullmatch(data) or self._connection not in self._services.hub.connections:
            return False
        if self._credits.try_acquire() > 0:
            return False
        self._refusals = 0
        self._touch()
        return True

    def _touch(self) -> None:
        self._connection.last_received_at = asyncio.get_running_loop().time()
        self._connection.ping_sent = False

    async def _handle(self, message: Any) -> bool:
        connection, limits = self._connection, self._context.settings.limits
        if message["type"] == "websocket.disconnect":
            return False
        self._touch()
        if connection not in self._services.hub.connections:
            return False  # closed while this frame was on its way
        text = message_text(message)
        wait_s = self._credits.try_acquire()
        if wait_s > 0:
            self._refusals += 1
            if self._refusals > limits.frames_burst:
                connection.close(CloseCode.RATE, "too many frames")
                return False
            connection.send(error_frame(_too_fast(wait_s), parse_frame_id(text)))
            return True
        self._refusals = 0
        try:
            frame = parse(text, max_bytes=limits.frame_bytes, max_depth=limits.json_depth)
        except RefusedFrame as refused:
            connection.send(error_frame(refused.error, refused.frame_id))
        else:
            await dispatch(self._context, self._services, connection, frame)
        return True

    def _log_closed(self) -> None:
        code, reason = self._connection.close_sent() or (ABNORMAL_CLOSURE, "")
        log.info(
            "connection.closed",
            user=str(self._connection.user),
            client_address=self._address,
            code=code,
            reason=reason,
            duration_s=round(asyncio.get_running_loop().time() - self._connection.connected_at, 3),
        )


def message_text(message: Any) -> str:
    """The text of a `websocket.receive`; empty, which is no JSON, for a binary message."""
    text: str | None = message.get("text")
    return "" if text is None else text


def _too_fast(wait_s: float) -> RateLimited:
    return RateLimited(
        "Too many frames; this one was not looked at. Send it again later.",
        retry_after_ms=int(wait_s * 1000) + 1,
    )
