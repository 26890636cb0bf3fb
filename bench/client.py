"""WebSocket clients that generate load with little CPU: raw asyncio protocols.

A client either reads (cuts the stream into frames and handles them) or only counts bytes. The
counts are checked at the end against a client that read: all members of a room receive the same
bytes.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from bench.frames import CLOSE, PING, PONG, TEXT, FrameReader, client_frame

HOST = "127.0.0.1"
CONNECT_TIMEOUT_S = 120.0
MAX_CONCURRENT_CONNECTS = 16  # fewer than the server has database connections
SOCKETS_PER_ADDRESS = 10_000
IP_BIND_ADDRESS_NO_PORT = 24  # ip(7); not in the socket module of Python 3.11

# The header of a ping with a payload of four bytes, which uvicorn may send. It cannot occur within
# a text frame of the chat: JSON has no unescaped control characters.
UVICORN_PING = b"\x89\x04"

# Called with the client, a buffer, and the start and end of the payload in it.
FrameCallback = Callable[["LoadClient", bytes, int, int], None]


@dataclass(frozen=True)
class WireFormat:
    """How to talk to a server. A `_prefix` is how its frames of that kind begin."""

    path: str
    event_prefix: bytes
    ack_prefix: bytes | None = None  # None: the server does not acknowledge
    subprotocol: str = ""
    first_text: bytes = b""  # sent once the connection is open
    ready_prefix: bytes = b""  # empty: a client is ready once the connection is open
    ping_prefix: bytes | None = None  # of a text frame, answered with `pong`
    pong: bytes = b""  # empty: the pong of the chat protocol

    def request(self, port: int) -> bytes:
        protocol = f"Sec-WebSocket-Protocol: {self.subprotocol}\r\n" if self.subprotocol else ""
        return (
            f"GET {self.path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"{protocol}\r\n"
        ).encode()


class LoadClient(asyncio.Protocol):
    """One connection.

    `first_text` replaces that of the wire format. `ready` is done after `ready_count` frames that
    begin with the format's `ready_prefix`, or fails with ConnectionError.
    """

    def __init__(
        self, wire_format: WireFormat, first_text: bytes = b"", ready_count: int = 1
    ) -> None:
        self.wire_format = wire_format
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.end_reason: str | None = None
        self.events = self.event_bytes = self.acks = 0
        self.counted_bytes: int | None = None  # None: this client reads
        self.on_event: FrameCallback | None = None
        self.on_ack: FrameCallback | None = None
        self.on_bytes: Callable[[int], None] | None = None
        self.kept_prefix: bytes | None = None  # frames that begin so, and are no events or acks, …
        self.kept_frames: list[Any] = []  # … are kept here, decoded
        self._first_text = first_text or wire_format.first_text
        self._awaited = ready_count if wire_format.ready_prefix else 0
        self._head = b""
        self.transport: Any = None  # before the connection
        self._is_open = False
        self._reader = FrameReader(self._handle_frame)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.transport.write(self.wire_format.request(transport.get_extra_info("peername")[1]))

    def data_received(self, data: bytes) -> None:
        if self.counted_bytes is not None:
            size = len(data)
            if (at := data.find(UVICORN_PING)) >= 0:
                size -= self._answer_pings(data, at)
            self.counted_bytes += size
            if self.on_bytes:
                self.on_bytes(size)
        elif self._is_open:
            self._reader.feed(data)
        else:
            self._handshake(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.end_reason = self.end_reason or f"the connection was lost ({exc})"
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(self.end_reason))

    def send(self, text: bytes) -> None:
        self.transport.write(client_frame(text))

    def count_only(self) -> None:
        """Stop reading. The stream must not be in the middle of a frame."""
        assert self._reader.at_boundary, "a frame has begun to arrive"
        self.counted_bytes = 0

    def abort(self) -> None:
        """End the connection without a close frame, like a phone that loses its network."""
        self.end_reason = "aborted"
        if self.transport is not None:
            self.transport.abort()

    def _answer_pings(self, data: bytes, at: int) -> int:
        """Returns how many bytes the pings have, with their headers."""
        ping_bytes = 0
        while at >= 0:
            self.transport.write(client_frame(data[at + 2 : at + 6], PONG))
            ping_bytes += 6
            at = data.find(UVICORN_PING, at + 6)
        return ping_bytes

    def _handshake(self, data: bytes) -> None:
        self._head += data
        head, separator, rest = self._head.partition(b"\r\n\r\n")
        if not separator:
            return
        if not head.startswith(b"HTTP/1.1 101"):
            self.end_reason = head.decode(errors="replace")[:200]
            self.transport.abort()
            return
        self._is_open = True
        if self._first_text:
            self.send(self._first_text)
        if not self._awaited:
            self.ready.set_result(None)
        if rest:
            self._reader.feed(rest)

    def _handle_frame(self, opcode: int, data: bytes, start: int, end: int) -> None:
        wire_format = self.wire_format
        if opcode == TEXT:
            if data.startswith(wire_format.event_prefix, start):
                self.events += 1
                size = end - start
                self.event_bytes += size + (2 if size < 126 else 4 if size < 65536 else 10)
                if self.on_event:
                    self.on_event(self, data, start, end)
            elif wire_format.ack_prefix and data.startswith(wire_format.ack_prefix, start):
                self.acks += 1
                if self.on_ack:
                    self.on_ack(self, data, start, end)
            else:
                self._handle_control(data[start:end])
        elif opcode == PING:
            self.transport.write(client_frame(data[start:end], PONG))
        elif opcode == CLOSE:
            self.end_reason = f"closed with {int.from_bytes(data[start : start + 2])}"
            self.transport.close()

    def _handle_control(self, text: bytes) -> None:
        wire_format = self.wire_format
        if self._awaited and text.startswith(wire_format.ready_prefix):
            self._awaited -= 1
            if not self._awaited:
                self.ready.set_result(None)
        if self.kept_prefix and text.startswith(self.kept_prefix):
            self.kept_frames.append(orjson.loads(text))
        if wire_format.ping_prefix is not None and text.startswith(wire_format.ping_prefix):
            self.send(wire_format.pong or pong(text))
        elif text.startswith(ERROR):
            self.end_reason = text.decode()
            self.transport.abort()


ERROR = b'{"type":"error"'
CHAT = WireFormat(
    path="/ws",
    subprotocol="chat.v1",
    event_prefix=b'{"type":"message.created"',
    ack_prefix=b'{"type":"ack"',
    ready_prefix=b'{"type":"room.opened"',
    ping_prefix=b'{"type":"ping"',
)
# For clients that subscribe to no room: these are ready once they have their list of rooms.
CHAT_LISTED = replace(CHAT, ready_prefix=b'{"type":"rooms"')
WS = WireFormat(path="/", event_prefix=b"{")
SEND_TEXT = WireFormat(path="/ws", event_prefix=b"{")
SOCKET_IO = WireFormat(
    path="/socket.io/?EIO=4&transport=websocket",
    event_prefix=b'42["m",',
    first_text=b"40",
    ready_prefix=b"40{",
    ping_prefix=b"2",
    pong=b"3",
)


def message_frame(room: str, number: int, text: str) -> bytes:
    """The frame that sends a message; `number` is its id and its nonce."""
    return orjson.dumps(
        {
            "type": "message.send",
            "id": number,
            "room": room,
            "nonce": f"{number:026d}",
            "text": text,
        }
    )


def pong(ping: bytes) -> bytes:
    return b'{"type":"pong","n":%d}' % orjson.loads(ping)["n"]


async def connect_all(
    clients: Sequence[LoadClient],
    port: int,
    max_concurrent: int = MAX_CONCURRENT_CONNECTS,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Returns when all clients are ready. Raises ConnectionError for the first that fails."""
    semaphore = asyncio.Semaphore(max_concurrent)

    async def connect(client: LoadClient, number: int) -> None:
        async with semaphore:
            await connect_one(client, number, port, tls)

    await asyncio.gather(*(connect(client, n) for n, client in enumerate(clients)))


async def connect_one(
    client: LoadClient, number: int, port: int, tls: ssl.SSLContext | None = None
) -> None:
    """Returns when the client is ready. `number` selects the source address; one has 28,000 ports.

    Raises ConnectionError, also for a timeout.
    """
    loop = asyncio.get_running_loop()
    source = f"127.0.0.{1 + number // SOCKETS_PER_ADDRESS}"
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            connected = await _connect_socket(source, port)
            await loop.create_connection(
                lambda: client, sock=connected, ssl=tls, server_hostname=HOST if tls else None
            )
            await client.ready
    except TimeoutError:
        raise ConnectionError(f"not ready within {CONNECT_TIMEOUT_S:g} s") from None


async def _connect_socket(source: str, port: int) -> socket.socket:
    """Leaves the choice of the source port to `connect`: `bind` would skip ports that were used
    within the last minute, and after some thousand sockets fail for seconds."""
    connected = socket.socket()
    try:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        connected.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(connected, (HOST, port))
    except BaseException:
        connected.close()
        raise
    return connected


def check_connected(clients: Sequence[LoadClient]) -> None:
    """Raises ConnectionError if a connection has ended."""
    reasons = [client.end_reason for client in clients if client.end_reason]
    if reasons:
        raise ConnectionError(f"{len(reasons)} connections of the load have ended: {reasons[0]}")


def abort_all(clients: Sequence[LoadClient]) -> None:
    for client in clients:
        client.abort()
