"""The way out: one frame, many sockets.

FastAPI's `send_text` in a loop frames, queues and schedules for each socket. Here an event is
framed once, and the same bytes go to the transport of every socket. It is uvicorn's own protocol
class, so that parsing, handshake and keepalive stay the library's; only whole frames are written
beside it, and nothing after a close frame. `serve` passes it to uvicorn as `ws=`.

The way in is bounded here, too, where a peer can do harm below the level of messages: frames that
complete no message, messages faster than they are handled, and ends that never end.
"""

from asyncio import TimerHandle
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from app.core.rates import Bucket

EXTENSION = "chat.writer"

# Bytes that are parsed at once: a few hundred of the smallest frames.
PIECE = 4096
# Fragments, pings and pongs of one connection. Clients send a few in a minute.
EXTRA_PER_S, EXTRA_BURST = 20, 1000
# Bytes that may still come from a peer that we have closed.
LATE_BYTES = 256 * 1024
RATE = 4029


def text_frame(payload: bytes) -> bytes:
    """One unmasked, unfragmented text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class ChatWebSocketProtocol(WebSocketsSansIOProtocol):
    """Puts itself into the scope's extensions, as the writer of its socket."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.written = 0  # bytes of frames, since the beginning
        self._tell: Callable[[bool], None] | None = None
        self._rest = b""  # came, and is not parsed yet
        self._late = 0  # bytes that came after our close frame
        self._extra: Bucket | None = None
        self._end_timer: TimerHandle | None = None

    # The way out.

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # refused handshakes have none
            extensions: Any = self.scope["extensions"]
            extensions[EXTENSION] = self

    def watch(self, high: int, tell: Callable[[bool], None]) -> None:
        """Call `tell` when more than `high` bytes wait, and when it is no more than a quarter."""
        self._tell = tell
        if not self.transport.is_closing():
            self.transport.set_write_buffer_limits(high)

    def unwatch(self) -> None:
        self._tell = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._tell:
            self._tell(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._tell:
            self._tell(False)

    def write_frames(self, frames: bytes) -> None:
        """Write whole frames now. Nothing is written to a socket that is closed or closing."""
        if not (self.close_sent or self.transport.is_closing()):
            self.written += len(frames)
            self.transport.write(frames)

    def buffered_bytes(self) -> int:
        """What the kernel has not taken yet."""
        return self.transport.get_write_buffer_size()

    async def drained(self) -> None:
        """Return once no more waits than the transport's high-water mark (64 KiB), or the
        connection is lost."""
        await self.writable.wait()

    def shut(self, code: int, reason: str) -> None:
        """Send a close frame and stop; unlike ASGI's `websocket.close` without waiting for the
        peer to read. The peer's answer ends the connection, or uvicorn's timer does."""
        self._end_within_reason()
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        message: Any = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self.queue.put_nowait(message)
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def abort(self) -> None:
        """Drop the connection with all that waits in it: for peers that do not read."""
        self.transport.abort()

    # The way in.

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated and not self.handshake_complete:
            self.transport.abort()  # it speaks before it was answered
            return
        if self.close_sent:
            self._late += len(data)
            if self._late > LATE_BYTES:
                self.transport.abort()
                return
        self._rest += data
        self._parse()
        if not self.handshake_initiated:  # the head was complete before it came here
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            self.transport.close()

    async def receive(self) -> Any:
        """The next message. What came behind it stays unparsed, and the peer unread, until then."""
        self._parse()
        message = await super().receive()
        self._parse()
        return message

    def _parse(self) -> None:
        while self._rest and not self.read_paused and not self.transport.is_closing():
            piece, self._rest = self._rest[:PIECE], self._rest[PIECE:]
            super().data_received(piece)

    def handle_cont(self, event: Frame) -> None:
        if self._spend():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self._spend() and self.writable.is_set():  # else it does not read: no pong
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._spend():
            super().handle_pong(event)

    def _spend(self) -> bool:
        """A credit for a frame that completes no message; without one the connection is cut."""
        if self._extra is None:
            self._extra = Bucket(EXTRA_PER_S, EXTRA_BURST)
        if not self._extra.wait_s():
            return True
        self.shut(RATE, "too many fragments, pings or pongs")
        self.transport.abort()
        return False

    # The end: uvicorn's `transport.close()` waits until the peer has read everything, or for ever.

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._end_within_reason()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._end_within_reason()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._end_within_reason()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.unwatch()
        if self._end_timer is not None:
            self._end_timer.cancel()

    def _end_within_reason(self) -> None:
        if self._end_timer is None and not self.disconnected:
            self._end_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
