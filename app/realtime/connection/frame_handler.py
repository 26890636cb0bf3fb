"""One socket from its hello to the end: frame by frame, in their order."""

import asyncio
from typing import Any

import structlog

from app.application.app_context import Context
from app.core.rate_limit import TokenBucket
from app.realtime.connection.dispatch import dispatch
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.wire.close_codes import CloseCode
from app.wire.errors import RateLimited
from app.wire.frames import Pong, RefusedFrame, error_frame, id_of, parse

log = structlog.get_logger(__name__)

MAX_PONG_BYTES = 100


class FrameHandler:
    """There is one for every idle socket, and nothing else that runs."""

    __slots__ = ("_address", "_context", "_credits", "_hub", "_refusals", "_socket")

    def __init__(self, context: Context, hub: Hub, connection: Connection, address: str) -> None:
        self._context, self._hub, self._socket, self._address = context, hub, connection, address
        limits = context.settings.limits
        self._credits = TokenBucket(limits.frames_per_minute / 60, limits.frames_burst)
        self._refusals = 0  # since the last frame that had a credit

    async def handle(self, message: Any) -> bool:
        """From the transport. Whether it goes on; nothing that a client does raises."""
        keep_open = False
        try:
            keep_open = await self._handle(message)
        except Exception:
            log.exception("socket.failed", client=self._address)
            self._socket.close(CloseCode.INTERNAL, "the server failed: come back and resume")
        finally:
            if not keep_open:
                self._hub.leave(self._socket)
                log.info("socket.closed", user=str(self._socket.user), client=self._address)
        return keep_open

    def handle_pong_inline(self, data: bytes) -> bool:
        """From the transport, while nothing else waits: whether this is a pong, which is all that
        most clients say. A task for each would be most of the CPU of an idle socket."""
        if len(data) > MAX_PONG_BYTES or b"pong" not in data:
            return False
        limits = self._context.settings.limits
        try:
            frame = parse(data.decode(), max_bytes=limits.frame_bytes, max_depth=limits.json_depth)
        except (UnicodeDecodeError, RefusedFrame):
            return False
        if not isinstance(frame, Pong) or self._socket not in self._hub.connections:
            return False
        if self._credits.take() > 0:
            return False
        self._refusals = 0
        self._touch()
        return True

    def _touch(self) -> None:
        self._socket.last_received_at = asyncio.get_running_loop().time()
        self._socket.ping_sent = False

    async def _handle(self, message: Any) -> bool:
        connection, limits = self._socket, self._context.settings.limits
        if message["type"] == "websocket.disconnect":
            return False
        self._touch()
        if connection not in self._hub.connections:
            return False  # closed while this frame was on its way
        text = text_of(message)
        wait_s = self._credits.take()
        if wait_s > 0:
            self._refusals += 1
            if self._refusals > limits.frames_burst:
                connection.close(CloseCode.RATE, "too many frames")
                return False
            connection.send(error_frame(_too_fast(wait_s), id_of(text)))
            return True
        self._refusals = 0
        try:
            frame = parse(text, max_bytes=limits.frame_bytes, max_depth=limits.json_depth)
        except RefusedFrame as refused:
            connection.send(error_frame(refused.error, refused.frame_id))
        else:
            await dispatch(self._context, self._hub, connection, frame)
        return True


def text_of(message: Any) -> str:
    """Of a `websocket.receive`."""
    text: str | None = message.get("text")
    return "" if text is None else text  # a binary message is no JSON either


def _too_fast(wait_s: float) -> RateLimited:
    return RateLimited(
        "Too many frames; this one was not looked at. Send it again later.",
        retry_after_ms=int(wait_s * 1000) + 1,
    )
