"""The way out: one frame, many sockets.

FastAPI's `send_text` in a loop frames, queues and schedules for each socket. Here an event is
framed once, and the same bytes go to the transport of every socket. It is uvicorn's own protocol
class, so that parsing and handshake stay the library's; only whole frames are written
beside it, and nothing after a close frame. `serve` passes it to uvicorn as `ws=`.

A socket that says nothing costs neither a task nor a timer: once the program has greeted it, it
hands it over to a function, and its call, with all the layers around it, ends.

The way in is bounded here, too, where a peer can do harm below the level of messages: frames that
complete no message, messages faster than they are handled, and ends that never end.
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
from websockets.protocol import Protocol

from app.core.rate_limit import TokenBucket
from app.http.framing import MAX_HEAD_BYTES, MAX_HEAD_FIELDS

EXTENSION = "chat.writer"

# The head of a handshake has passed the limits of `http/framing.py`; the library's are narrower.
http11.MAX_LINE_LENGTH, http11.MAX_NUM_HEADERS = MAX_HEAD_BYTES, MAX_HEAD_FIELDS
# But what parses its lists does so in Python.
MAX_LIST_ITEMS = 500

# Bytes that are parsed at once: a few hundred of the smallest frames.
PARSE_CHUNK_BYTES = 4096
# Fragments, pings and pongs of one connection. Clients send a few in a minute.
EXTRA_PER_S, EXTRA_BURST = 20, 1000
# Bytes that may still come from a peer that we have closed.
MAX_BYTES_AFTER_CLOSE = 256 * 1024
RATE = 4029
# Of every transport that takes more: an event of its own is made for one that does not.
WRITABLE = asyncio.Event()
WRITABLE.set()

# Is told one message; whether it wants more.
Listener = Callable[[Any], Awaitable[bool]]


def text_frame(payload: bytes) -> bytes:
    """One unmasked, unfragmented text frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


class ReceiveQueue:
    """What came for the one reader of a socket, in order: as much of asyncio.Queue as uvicorn uses.
    That has four deques, which are 3 KB."""

    __slots__ = ("_messages", "_reader", "on_message")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._reader: asyncio.Future[None] | None = None
        self.on_message: Callable[[], None] | None = None  # when nobody waits in `get`

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
    """Puts itself into the scope's extensions, as the writer of its socket."""

    # uvicorn's attributes, too: the dictionary of so many is 1.6 KB larger. One that is not here
    # works as well.
    __slots__ = (
        *(
            "_at_once",
            "_context",
            "_end_timer",
            "_extra",
            "_late",
            "_listener",
            "_rest",
            "_tell",
            "_working",
        ),
        *("app", "app_state", "asgi_version", "client", "close_sent", "close_timeout"),
        *("close_timer", "config", "conn", "connections", "curr_msg_data_type"),
        *("default_headers", "disconnected", "frames", "handshake_complete"),
        *("handshake_initiated", "initial_response", "last_ping_rtt", "logger", "loop"),
        *("pending_ping_payload", "ping_interval", "ping_sent_at", "ping_timeout", "ping_timer"),
        *("pong_timer", "queue", "read_paused", "request", "response", "root_path", "scheme"),
        *("scope", "server", "tasks", "transport", "writable", "written"),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queue: Any = ReceiveQueue()
        self.writable = WRITABLE
        self.written = 0  # bytes of frames, since the beginning
        self._tell: Callable[[bool], None] | None = None
        self._unparsed = b""  # came, and is not parsed yet
        self._bytes_after_close = 0  # bytes that came after our close frame
        self._control_frame_limit: TokenBucket | None = None
        self._end_timer: TimerHandle | None = None
        self._listener: Listener | None = None
        self._inline_handler: Callable[[bytes], bool] | None = None
        self._context: Context | None = None  # of its work: what the log says of each line
        self._working = True  # in a task

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
        self.writable = asyncio.Event()
        if self._tell:
            self._tell(True)

    def resume_writing(self) -> None:
        self.writable.set()
        self.writable = WRITABLE
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

    def send_close(self, code: int, reason: str) -> None:
        """Send a close frame and stop; unlike ASGI's `websocket.close` without waiting for the
        peer to read. The peer's answer ends the connection, or uvicorn's timer does."""
        self._abort_after_timeout()
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

    # The program.

    def start_keepalive(self) -> None:
        """The handshake is over. The library's parser would keep the request for ever."""
        self.conn.parser = Protocol.parse(self.conn)
        next(self.conn.parser)
        del self.request, self.response

    async def run_asgi(self) -> None:
        """As uvicorn's, but a socket that is handed over outlives the call."""
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("Exception in ASGI application\n")
        self.send_500_response()  # unless it was answered
        del self.scope
        self.server = None
        if self._listener is not None:
            self.queue.on_message = self._work
            await self._listen()
        elif self.close_timer is None:
            self.transport.close()

    def hand_over(self, listener: Listener, at_once: Callable[[bytes], bool]) -> None:
        """Let `listener` have the messages, once the call of the program has returned; it is called
        in a task that is there only while there are messages. The socket ends when it says so.
        It is not called for a text for which `at_once`, without a task, says that it is done."""
        self._listener, self._inline_handler = listener, at_once
        self._context = copy_context()

    def _work(self) -> None:
        if not self._working and self._listener is not None:
            self._working = True
            task = self.loop.create_task(self._listen(), context=self._context)
            task.add_done_callback(self.on_task_complete)
            self.tasks.add(task)

    async def _listen(self) -> None:
        while self._listener is not None and not self.queue.empty():
            if not await self._listener(await self.receive()):
                self._listener = None
                if self.close_timer is None:
                    self.transport.close()
        self._working = False

    # The way in.

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated and not self.handshake_complete:
            self.transport.abort()  # it speaks before it was answered
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
        if not self.handshake_initiated:  # the head was complete before it came here
            self._refuse_handshake(b"400 Bad Request")

    def _refuse_handshake(self, status: bytes) -> None:
        self.transport.write(b"HTTP/1.1 %b\r\nConnection: close\r\n\r\n" % status)
        self.transport.close()

    async def receive(self) -> Any:
        """The next message. What came behind it stays unparsed, and the peer unread, until then."""
        self._parse()
        message = await super().receive()
        self._parse()
        return message

    def _parse(self) -> None:
        while self._unparsed and not self.read_paused and not self.transport.is_closing():
            piece, self._unparsed = self._unparsed[:PARSE_CHUNK_BYTES], self._unparsed[PARSE_CHUNK_BYTES:]
            super().data_received(piece)

    def handle_text(self, event: Frame) -> None:
        alone = event.fin and not self._working and self.queue.empty()
        if alone and self._inline_handler is not None and self._inline_handler(bytes(event.data)):
            return
        super().handle_text(event)

    def send_receive_event_to_app(self) -> None:
        """uvicorn calls a text that is no UTF-8 an error of the server, with a traceback in the
        log. The peer is told the same here."""
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
        if self._take_control_credit() and self.writable.is_set():  # else it does not read: no pong
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._take_control_credit():
            super().handle_pong(event)

    def _take_control_credit(self) -> bool:
        """A credit for a frame that completes no message; without one the connection is cut."""
        if self._control_frame_limit is None:
            self._control_frame_limit = TokenBucket(EXTRA_PER_S, EXTRA_BURST)
        if not self._control_frame_limit.take():
            return True
        self.send_close(RATE, "too many fragments, pings or pongs")
        self.transport.abort()
        return False

    # The end: uvicorn's `transport.close()` waits until the peer has read everything, or for ever.

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._abort_after_timeout()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._abort_after_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.unwatch()
        if self._end_timer is not None:
            self._end_timer.cancel()

    def _abort_after_timeout(self) -> None:
        if self._end_timer is None and not self.disconnected:
            self._end_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
