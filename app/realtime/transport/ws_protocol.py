"""The WebSocket protocol class: uvicorn's, so that parsing and handshake stay the library's.

Writing: FastAPI's `send_text` in a loop frames, queues and schedules for each connection. Here an
event is framed once, and the same bytes are written to the transport of every connection, beside
the library; only whole frames, and nothing after a close frame.

An idle connection costs neither a task nor a timer: after the answer to its hello the ASGI call,
with all layers around it, ends, and a handler is called with each message.

Reading is bounded where a peer can do harm below the level of messages: frames that complete no
message, messages faster than they are handled, and connections that never end. `serve` passes this
class to uvicorn as `ws=`.
"""

import asyncio
from asyncio import TimerHandle
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import Protocol, State

from app.core.rate_limit import TokenBucket
from app.http.framing import MAX_HEAD_BYTES, MAX_HEAD_FIELDS
from app.wire.close_codes import CloseCode

EXTENSION = "chat.writer"

# The head of a handshake has passed the limits of `http/framing.py`; the library's are narrower.
http11.MAX_LINE_LENGTH, http11.MAX_NUM_HEADERS = MAX_HEAD_BYTES, MAX_HEAD_FIELDS
# The lists in its header fields are parsed in Python, slowly.
MAX_LIST_ITEMS = 500

# A few hundred of the smallest frames.
PARSE_CHUNK_BYTES = 4096
# Fragments, pings and pongs of one connection. Clients send a few in a minute.
CONTROL_FRAMES_PER_S, CONTROL_FRAMES_BURST = 20, 1000
# Bytes that a peer may send after our close frame, before it is cut.
MAX_BYTES_AFTER_CLOSE = 256 * 1024
# Shared by all writable connections; `pause_writing` replaces it with an event of the connection.
WRITABLE = asyncio.Event()
WRITABLE.set()

# Handles one message; returns whether the connection stays open.
MessageHandler = Callable[[Any], Awaitable[bool]]


def text_frame(payload: bytes) -> bytes:
    """One unmasked, unfragmented text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class ReceiveQueue:
    """The messages for the one reader of a connection: as much of asyncio.Queue as uvicorn uses,
    without its four deques, which take 3 KB."""

    __slots__ = ("_messages", "_reader", "on_message")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._reader: asyncio.Future[None] | None = None
        self.on_message: Callable[[], None] | None = None  # when no `get` waits

    def put_nowait(self, message: Any) -> None:
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
        elif self.on_message is not None:
            self.on_message()

    async def get(self) -> Any:
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        self._reader = None
        return self._messages.pop(0)

    def qsize(self) -> int:
        return len(self._messages)

    def empty(self) -> bool:
        return not self._messages


class ChatWebSocketProtocol(WebSocketsSansIOProtocol):
    """Puts itself into the scope's extensions, as the writer of its connection."""

    # Also lists uvicorn's attributes: slots save 1.6 KB per connection. A missing one still works,
    # through `__dict__`.
    __slots__ = (
        *(
            "_abort_timer",
            "_bytes_after_close",
            "_context",
            "_control_frame_limit",
            "_handler",
            "_has_task",
            "_inline_handler",
            "_on_backpressure",
            "_unparsed",
        ),
        *("app", "app_state", "asgi_version", "client", "close_sent", "close_timeout"),
        *("close_timer", "config", "conn", "connections", "curr_msg_data_type"),
        *("default_headers", "disconnected", "frames", "handshake_complete"),
        *("handshake_initiated", "initial_response", "last_ping_rtt", "logger", "loop"),
        *("pending_ping_payload", "ping_interval", "ping_sent_at", "ping_timeout", "ping_timer"),
        *("pong_timer", "queue", "read_paused", "request", "response", "root_path", "scheme"),
        *("scope", "server", "tasks", "transport", "writable", "bytes_written"),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue: Any = ReceiveQueue()
        self.writable = WRITABLE
        self.bytes_written = 0  # of frames, since the connection was opened
        self._on_backpressure: Callable[[bool], None] | None = None
        self._unparsed = b""  # received
        self._bytes_after_close = 0
        self._control_frame_limit: TokenBucket | None = None
        self._abort_timer: TimerHandle | None = None
        self._handler: MessageHandler | None = None
        self._inline_handler: Callable[[bytes], bool] | None = None
        self._context: Context | None = None  # of the ASGI call: the fields of log lines
        self._has_task = True  # that of the ASGI call, or of the handler

    # Writing.

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # refused handshakes have none
            extensions: Any = self.scope["extensions"]
            extensions[EXTENSION] = self

    def set_backpressure_callback(self, high_water: int, callback: Callable[[bool], None]) -> None:
        """Call `callback(True)` when more than `high_water` bytes are buffered, and with False when
        they have fallen to a quarter of it."""
        self._on_backpressure = callback
        if not self.transport.is_closing():
            self.transport.set_write_buffer_limits(high_water)

    def clear_backpressure_callback(self) -> None:
        self._on_backpressure = None

    def pause_writing(self) -> None:
        self.writable = asyncio.Event()
        if self._on_backpressure:
            self._on_backpressure(True)

    def resume_writing(self) -> None:
        self.writable.set()
        self.writable = WRITABLE
        if self._on_backpressure:
            self._on_backpressure(False)

    def write_frames(self, frames: bytes) -> None:
        """Write whole frames now. Does nothing if the connection is closed or closing."""
        if not (self.close_sent or self.transport.is_closing()):
            self.bytes_written += len(frames)
            self.transport.write(frames)

    def buffered_bytes(self) -> int:
        """Bytes that the kernel has not accepted yet."""
        return self.transport.get_write_buffer_size()

    async def drained(self) -> None:
        """Return when no more is buffered than the transport's high-water mark (64 KiB), or the
        connection is lost."""
        await self.writable.wait()

    def send_close(self, code: int, reason: str) -> None:
        """Send a close frame and write nothing after it. Unlike ASGI's `websocket.close` it does
        not wait for the peer to read. The peer's answer ends the connection, or a timer does. A
        handshake that is not answered yet has no close frame: it goes on, or the timer ends it."""
        self._abort_after_timeout()
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        if self.conn.state is State.CONNECTING:
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
        """Cut the connection and drop what is buffered: for peers that do not read."""
        self.transport.abort()

    def closed_with(self) -> tuple[int, str] | None:
        """Code and reason of the close frame that was sent: ours, or the echo of the peer's."""
        close = self.conn.close_sent
        return (int(close.code), close.reason) if close else None

    # The ASGI call, and the handler after it.

    def start_keepalive(self) -> None:
        """The handshake is over: free the request, which the library's parser would keep."""
        self.conn.parser = Protocol.parse(self.conn)
        next(self.conn.parser)
        del self.request, self.response

    async def run_asgi(self) -> None:
        """As uvicorn's, but a connection that is handed over outlives the call."""
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
        self.send_500_response()  # unless it was answered
        del self.scope
        self.server = None
        if self._handler is not None:
            self.queue.on_message = self._start_handler
            await self._run_handler()
        elif self.close_timer is None:
            self.transport.close()

    def hand_over(self, handler: MessageHandler, inline_handler: Callable[[bytes], bool]) -> None:
        """Handle messages after the ASGI call has returned. `inline_handler` gets each text first,
        without a task. If it returns False, `handler` gets the message in a task, which exists only
        while there are messages; if that returns False, the connection ends."""
        self._handler, self._inline_handler = handler, inline_handler
        self._context = copy_context()

    def _start_handler(self) -> None:
        if not self._has_task and self._handler is not None:
            self._has_task = True
            task = self.loop.create_task(self._run_handler(), context=self._context)
            task.add_done_callback(self.on_task_complete)
            self.tasks.add(task)

    async def _run_handler(self) -> None:
        while self._handler is not None and not self.queue.empty():
            if not await self._handler(await self.receive()):
                self._handler = None
                if self.close_timer is None:
                    self.transport.close()
        self._has_task = False

    # Reading.

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated and not self.handshake_complete:
            self.transport.abort()  # data before the handshake was answered
            return
        if not self.handshake_initiated and data.count(b",") + data.count(b";") > MAX_LIST_ITEMS:
            self._refuse_handshake(b"431 Request Header Fields Too Large")
            return
        if self.close_sent:
            self._bytes_after_close += len(data)
            if self._bytes_after_close > MAX_BYTES_AFTER_CLOSE:
                self.transport.abort()
                return
        self._unparsed += data
        self._parse()
        if not self.handshake_initiated:  # `http_protocol.py` passes on complete heads only
            self._refuse_handshake(b"400 Bad Request")

    def _refuse_handshake(self, status: bytes) -> None:
        self.transport.write(b"HTTP/1.1 %b\r\nConnection: close\r\n\r\n" % status)
        self.transport.close()

    async def receive(self) -> Any:
        """The next message. Data after it is not parsed, and no more is read, until then."""
        self._parse()
        message = await super().receive()
        self._parse()
        return message

    def _parse(self) -> None:
        while self._unparsed and not self.read_paused and not self.transport.is_closing():
            piece, self._unparsed = (
                self._unparsed[:PARSE_CHUNK_BYTES],
                self._unparsed[PARSE_CHUNK_BYTES:],
            )
            super().data_received(piece)

    def handle_text(self, event: Frame) -> None:
        alone = event.fin and not self._has_task and self.queue.empty()
        if alone and self._inline_handler is not None and self._inline_handler(bytes(event.data)):
            return
        super().handle_text(event)

    def send_receive_event_to_app(self) -> None:
        """Close with 1007 on a text that is no UTF-8. uvicorn does, too, but logs it as an error of
        the server, with a traceback."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            self.frames = [b"".join(self.frames)]
            try:
                self.frames[0].decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(1007)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_cont(self, event: Frame) -> None:
        if self._take_control_credit():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if (
            self._take_control_credit() and self.writable.is_set()
        ):  # no pong to a peer that does not read
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._take_control_credit():
            super().handle_pong(event)

    def _take_control_credit(self) -> bool:
        """Take a credit for a frame that completes no message. If there is none, cut the connection
        and return False."""
        if self._control_frame_limit is None:
            self._control_frame_limit = TokenBucket(CONTROL_FRAMES_PER_S, CONTROL_FRAMES_BURST)
        if not self._control_frame_limit.try_acquire():
            return True
        self.send_close(CloseCode.RATE, "too many fragments, pings or pongs")
        self.transport.abort()
        return False

    # Closing. uvicorn's `transport.close()` may wait forever, until the peer has read everything.

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._abort_after_timeout()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._abort_after_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.clear_backpressure_callback()
        if self._abort_timer is not None:
            self._abort_timer.cancel()

    def _abort_after_timeout(self) -> None:
        if self._abort_timer is None and not self.disconnected:
            self._abort_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
