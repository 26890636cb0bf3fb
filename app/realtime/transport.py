"""The way out: one frame, many sockets.

FastAPI's `send_text` in a loop frames, queues and schedules for each socket. Here an event is
framed once, and the same bytes go to the transport of every socket. It is uvicorn's own protocol
class, so that parsing, handshake and keepalive stay the library's; only whole frames are written
beside it, and nothing after a close frame. `serve` passes it to uvicorn as `ws=`.
"""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "chat.writer"


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

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # refused handshakes have none
            extensions: Any = self.scope["extensions"]
            extensions[EXTENSION] = self

    def write_frames(self, frames: bytes) -> None:
        """Write whole frames now. Nothing is written to a socket that is closed or closing."""
        if not (self.close_sent or self.transport.is_closing()):
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
