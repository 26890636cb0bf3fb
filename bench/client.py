"""The sockets of the load: raw asyncio protocols, which look into as few bytes as they can.

A socket either reads (cuts the stream into frames and acts on them) or only counts bytes. Those
that count are checked at the end against one that read: everybody in a room gets the same bytes.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bench.frames import CLOSE, PING, PONG, TEXT, FrameReader, client_frame

HOST = "127.0.0.1"
CONNECT_S = 120.0
AT_ONCE = 16  # fewer than the server has database connections
PORTS_OF_AN_ADDRESS = 10_000
IP_BIND_ADDRESS_NO_PORT = 24  # ip(7); the socket module of Python 3.11 does not know it

# The head of a ping with four bytes, as uvicorn may send one. No text frame of a chat has
# these two bytes in it: JSON has no control characters.
UVICORN_PING = b"\x89\x04"

Event = Callable[["Peer", bytes, int, int], None]


@dataclass(frozen=True)
class Dialect:
    """How a server is spoken to. `event` and `ack` are how its frames begin; None: it sends none.

    A socket has arrived once it got as many frames that begin with `ready` as it `awaits`.
    """

    path: str
    event: bytes
    ack: bytes | None = None
    subprotocol: str = ""
    first: bytes = b""  # the text to send at once
    ready: bytes = b""
    ping: bytes | None = None  # a text that is answered with `pong`
    pong: bytes = b""

    def request(self, port: int) -> bytes:
        protocol = f"Sec-WebSocket-Protocol: {self.subprotocol}\r\n" if self.subprotocol else ""
        return (
            f"GET {self.path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"{protocol}\r\n"
        ).encode()


class Peer(asyncio.Protocol):
    """One socket. `first` is sent as soon as it is open."""

    def __init__(self, dialect: Dialect, first: bytes = b"", awaits: int = 1) -> None:
        self.dialect = dialect
        self.arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: str | None = None  # why, once it is over
        self.events = self.event_bytes = self.acks = 0
        self.counted: int | None = None  # bytes, of one that only counts
        self.on_event: Event | None = None
        self.on_ack: Event | None = None
        self.on_bytes: Callable[[int], None] | None = None
        self.kept: list[Any] = []  # frames of the arrival that the caller asked for, decoded
        self.keep: bytes | None = None  # how these begin
        self._first = first or dialect.first
        self._awaits = awaits if dialect.ready else 0
        self._head = b""
        self._is_open = False
        self._reader = FrameReader(self._frame)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.transport.write(self.dialect.request(transport.get_extra_info("peername")[1]))

    def data_received(self, data: bytes) -> None:
        if self.counted is not None:
            size = len(data)
            if (at := data.find(UVICORN_PING)) >= 0:
                size -= self._answer_pings(data, at)
            self.counted += size
            if self.on_bytes:
                self.on_bytes(size)
        elif self._is_open:
            self._reader.feed(data)
        else:
            self._handshake(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.ended or f"the connection was lost ({exc})"
        if not self.arrived.done():
            self.arrived.set_exception(ConnectionError(self.ended))

    def send(self, text: bytes) -> None:
        self.transport.write(client_frame(text))

    def count_only(self) -> None:
        """From now on. It must not be in the middle of a frame."""
        assert self._reader.at_boundary, "a frame has begun to arrive"
        self.counted = 0

    def drop(self) -> None:
        """Without a close frame, as a phone does that loses its network."""
        self.ended = "dropped"
        self.transport.abort()

    def _answer_pings(self, data: bytes, at: int) -> int:
        """How many bytes of these are pings."""
        found = 0
        while at >= 0:
            self.transport.write(client_frame(data[at + 2 : at + 6], PONG))
            found += 6
            at = data.find(UVICORN_PING, at + 6)
        return found

    def _handshake(self, data: bytes) -> None:
        self._head += data
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 101"):
            self.ended = head.decode(errors="replace")[:200]
            self.transport.abort()
            return
        self._is_open = True
        if self._first:
            self.send(self._first)
        if not self._awaits:
            self.arrived.set_result(None)
        if rest:
            self._reader.feed(rest)

    def _frame(self, opcode: int, data: bytes, start: int, end: int) -> None:
        dialect = self.dialect
        if opcode == TEXT:
            if data.startswith(dialect.event, start):
                self.events += 1
                size = end - start
                self.event_bytes += size + (2 if size < 126 else 4 if size < 65536 else 10)
                if self.on_event:
                    self.on_event(self, data, start, end)
            elif dialect.ack and data.startswith(dialect.ack, start):
                self.acks += 1
                if self.on_ack:
                    self.on_ack(self, data, start, end)
            else:
                self._other(data[start:end])
        elif opcode == PING:
            self.transport.write(client_frame(data[start:end], PONG))
        elif opcode == CLOSE:
            self.ended = f"closed with {int.from_bytes(data[start : start + 2])}"
            self.transport.close()

    def _other(self, text: bytes) -> None:
        dialect = self.dialect
        if self._awaits and text.startswith(dialect.ready):
            self._awaits -= 1
            if not self._awaits:
                self.arrived.set_result(None)
        if self.keep and text.startswith(self.keep):
            self.kept.append(orjson.loads(text))
        if dialect.ping is not None and text.startswith(dialect.ping):
            self.send(dialect.pong or pong(text))
        elif text.startswith(ERROR):
            self.ended = text.decode()
            self.transport.abort()


ERROR = b'{"type":"error"'
CHAT = Dialect(
    path="/ws",
    subprotocol="chat.v1",
    event=b'{"type":"message.created"',
    ack=b'{"type":"ack"',
    ready=b'{"type":"room.opened"',
    ping=b'{"type":"ping"',
)
CHAT_LISTED = Dialect(
    path="/ws",
    subprotocol="chat.v1",
    event=CHAT.event,
    ack=CHAT.ack,
    ready=b'{"type":"rooms"',
    ping=CHAT.ping,
)
WS = Dialect(path="/", event=b"{")
SEND_TEXT = Dialect(path="/ws", event=b"{")
SOCKET_IO = Dialect(
    path="/socket.io/?EIO=4&transport=websocket",
    event=b'42["m",',
    first=b"40",
    ready=b"40{",
    ping=b"2",
    pong=b"3",
)


def pong(ping: bytes) -> bytes:
    return b'{"type":"pong","n":%d}' % orjson.loads(ping)["n"]


async def connect(peers: Sequence[Peer], port: int, at_once: int = AT_ONCE) -> None:
    """Return when all have arrived. Raises ConnectionError for the first that could not."""
    gate = asyncio.Semaphore(at_once)
    await asyncio.gather(*(_connect(peer, n, port, gate) for n, peer in enumerate(peers)))


async def _connect(peer: Peer, number: int, port: int, gate: asyncio.Semaphore) -> None:
    async with gate:
        await arrive(peer, number, port)


async def arrive(peer: Peer, number: int, port: int) -> None:
    """From the address that is this socket's by its number. Raises ConnectionError."""
    loop = asyncio.get_running_loop()
    source = f"127.0.0.{1 + number // PORTS_OF_AN_ADDRESS}"  # an address has 28,000 ports
    try:
        async with asyncio.timeout(CONNECT_S):
            await loop.create_connection(lambda: peer, sock=await _connected(source, port))
            await peer.arrived
    except TimeoutError:
        raise ConnectionError(f"no arrival within {CONNECT_S:g} s") from None


async def _connected(source: str, port: int) -> socket.socket:
    """The port is chosen with the connection: `bind` would look for one that nobody has had for a
    minute, and after some thousand sockets find none for seconds."""
    made = socket.socket()
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        made.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(made, (HOST, port))
    except BaseException:
        made.close()
        raise
    return made


def hang_up(peers: Sequence[Peer]) -> None:
    for peer in peers:
        peer.drop()
