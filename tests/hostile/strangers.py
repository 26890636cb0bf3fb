"""What unauthenticated clients and networks do to a server; each act uses a few connections."""

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from testkit.raw_connection import BINARY, CONT, PING, TEXT, UPGRADE, connect_raw, frame
from testkit.waiting import limit
from tests.hostile.requests import exchange
from tests.realtime.test_hostile import BROKEN

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset


@dataclass(frozen=True)
class Target:
    """A server, and the access token and room of a user there."""

    url: str
    token: str
    room: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


Act = Callable[[Target], Awaitable[object]]


def says(data: bytes) -> Act:
    """Send these bytes, and then the end of the stream."""

    async def act(target: Target) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        try:
            writer.write(data)
            writer.write_eof()
            async with limit():
                await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    return act


def vanishes(data: bytes, *, after_answer: bool = False) -> Act:
    """Send these bytes and reset the connection, at once or after the first byte of the
    response."""

    async def act(target: Target) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as own:
            own.setblocking(False)
            await loop.sock_connect(own, ("127.0.0.1", target.port))
            await loop.sock_sendall(own, filled(data, target))
            if after_answer:
                await loop.sock_recv(own, 1)
            with suppress(OSError):  # the server has closed it already
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    return act


def filled(data: bytes, target: Target) -> bytes:
    return data.replace(b"{token}", target.token.encode()).replace(b"{room}", target.room.encode())


def requests(head: str, body: bytes = b"") -> Act:
    """A request in which `{token}` and `{room}` are replaced by those of the target."""

    async def act(target: Target) -> None:
        await exchange(target.port, filled(_message(head, body), target))

    return act


def _message(head: str, body: bytes = b"") -> bytes:
    lines = [f"{head.splitlines()[0]} HTTP/1.1", "Host: chat", *head.splitlines()[1:]]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def upgrades(head: bytes) -> Act:
    return says(head + b"\r\n")


def socket_says(*frames: bytes, with_hello: bool = True, is_cut: bool = False) -> Act:
    """Open a socket, send these frames, and reset the connection."""

    async def act(target: Target) -> None:
        async with connect_raw(target.url) as connection:
            await connection.upgrade()
            if with_hello:
                await connection.say(type="hello", token=target.token)
                while (await connection.next())["type"] != "rooms":
                    pass
            with suppress(ConnectionError):  # it may be cut before it has said everything
                for one in frames:
                    await connection.send(filled(one, target))
                if not is_cut:
                    await connection.say(type="nothing")
                    await connection.answered()
            own = connection.writer.get_extra_info("socket")
            with suppress(OSError):  # the server has closed it already
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    return act


SEND = '{"type":"message.send","id":1,"room":"{room}","nonce":"%s","text":"x"}'
POST = (
    "POST /api/v1/rooms/{room}/messages\nAuthorization: Bearer {token}\n"
    "Content-Type: application/json"
)
GARBAGE = os.urandom(4000)
WS = UPGRADE

ACTS: dict[str, Act] = {
    "nothing": says(b""),
    "a reset": vanishes(b""),
    "garbage": says(GARBAGE),
    "TLS": says(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500),
    "SSH": says(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "HTTP/2": says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 20),
    "HTTP/0.9": says(b"GET /\r\n"),
    "HTTP/1.0": says(b"GET /health/live HTTP/1.0\r\n\r\n"),
    "a proxy's line": says(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a method that is none": says(b"@@@ / HTTP/1.1\r\nHost: a\r\n\r\n"),
    "CONNECT": says(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    "an asterisk": says(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    "an absolute address": says(b"GET http://a/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    "half an address": says(b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n"),
    "no path": says(b"GET ? HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    "bytes in a path": says(b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    "bytes in a query": says(b"GET /x?\xff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    "bytes in headers": requests("GET /health/live\nConnection: close\nX: \xff\nOrigin: \xff"),
    "no colon": says(b"GET / HTTP/1.1\r\nHost a\r\n\r\n"),
    "NUL in a header": says(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    "a folded header": says(
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\nConnection: close\r\n\r\n"
    ),
    "two lengths": says(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"
    ),
    "a negative length": says(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
    "a chunk of no size": says(
        b"POST /api/v1/auth/token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"
    ),
    "a long path": requests("GET /" + "\u00e9" * 60_000 + "\nConnection: close"),
    "a long escaped path": requests("GET /" + "%f0%9f%98%80" * 5000 + "\nConnection: close"),
    "control characters in a path": requests("GET /%0a%1b%5b31m%00\nConnection: close"),
    "a long query": requests("GET /api/v1/rooms?" + "a&" * 30_000 + "\nConnection: close"),
    "many headers": requests("GET /health/live\nConnection: close" + "\na: b" * 10_000),
    "a large head": requests("GET /health/live\nX: " + "a" * 100_000),
    "cookies": requests("GET /api/v1/rooms\nConnection: close\nCookie: a=" + '\\"' * 25_000),
    "a deep token": requests(
        "GET /api/v1/rooms\nConnection: close\nAuthorization: Bearer " + "W1tb" * 400 + ".e30.AAAA"
    ),
    "a long token": requests(
        "GET /api/v1/rooms\nConnection: close\nAuthorization: Bearer " + "a" * 60_000
    ),
    "a long agent": requests("GET /health/live\nConnection: close\nUser-Agent: " + "a" * 60_000),
    "no JSON": requests(POST + "\nConnection: close", b"{"),
    "no UTF-8": requests(POST + "\nConnection: close", b'{"nonce":"\xff"}'),
    "deep JSON": requests(POST + "\nConnection: close", b"[" * 200_000),
    "wide JSON": requests(POST + "\nConnection: close", b"{" + b'"a":0,' * 30_000 + b'"a":0}'),
    "a form that is none": requests(
        "POST /api/v1/auth/token\nConnection: close\nContent-Type: multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="',
    ),
    "half a body": says(
        b"POST /api/v1/auth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"
    ),
    "a reset in a head": vanishes(b"GET /health/live HTTP/1.1\r\nHost"),
    "a reset in a body": vanishes(
        _message(POST + "\nX: {token}", b"")[:-2] + b"Content-Length: 9\r\n\r\n{"
    ),
    "a reset after a send": vanishes(_message(POST, b'{"nonce":"vanished","text":"x"}')),
    "a reset in an answer": vanishes(_message("GET /docs/swagger-ui-bundle.js"), after_answer=True),
    "many requests at once": vanishes(_message("GET /openapi.json") * 20, after_answer=True),
    "h2c": requests(
        "GET /health/live\nConnection: close, Upgrade, HTTP2-Settings\nUpgrade: h2c\n"
        "HTTP2-Settings: AAMAAABk"
    ),
    "an unknown protocol": requests(
        "POST /api/v1/rooms\nConnection: close, Upgrade\nUpgrade: x", b"GET / HTTP/1.1\r\n\r\n"
    ),
    # Handshakes.
    "half a handshake": vanishes(WS),
    "a handshake and a reset": vanishes(WS + b"\r\n"),
    "a handshake, its answer and a reset": vanishes(WS + b"\r\n", after_answer=True),
    "a handshake with frames at once": vanishes(WS + b"\r\n" + frame(TEXT, b"{}")),
    "no key": upgrades(WS.replace(b"Key", b"Kex")),
    "a wrong key": upgrades(WS.replace(b"AAAAAAAA", b"A")),
    "a wrong version": upgrades(WS.replace(b"13", b"8")),
    "no subprotocol": upgrades(WS.replace(b"chat.v1", b"x")),
    "another address": upgrades(WS.replace(b"/ws", b"/wx")),
    "another method": upgrades(WS.replace(b"GET", b"POST")),
    "bytes in the address": upgrades(WS.replace(b"/ws", b"/ws\xff")),
    "bytes in the query": upgrades(WS.replace(b"/ws", b"/ws?\xff\xfe")),
    "bytes in a header": upgrades(WS + b"X: \xff\xfe\r\n"),
    "bytes in the subprotocol": upgrades(WS.replace(b"chat.v1", b"chat.v1\xff")),
    "bytes in the origin": upgrades(WS + b"Origin: \xff\xfe\r\n"),
    "an extension that is none": upgrades(WS + b"Sec-WebSocket-Extensions: ;;\r\n"),
    "a long address": upgrades(WS.replace(b"/ws", b"/ws?" + b"a" * 30_000)),
    "many headers of a handshake": upgrades(WS + b"a: b\r\n" * 5000),
    "a body of a handshake": says(WS + b"Content-Length: 5\r\n\r\nhello"),
    # Frames.
    **{
        f"{name}, before the hello": socket_says(data, with_hello=False)
        for name, (data, _) in BROKEN.items()
    },
    **{f"{name}, after it": socket_says(data) for name, (data, _) in BROKEN.items()},
    "fragments that are no UTF-8": socket_says(
        frame(TEXT, b'"\xf0', fin=False) + frame(CONT, b"\x9f\x98", fin=False) + frame(CONT, b'"')
    ),
    "binary": socket_says(frame(BINARY, GARBAGE)),
    "half a frame": socket_says(frame(TEXT, b"x" * 1000)[:500], is_cut=True),
    "a send and a reset": socket_says(frame(TEXT, (SEND % "gone").encode()), is_cut=True),
    "sends": socket_says(*[frame(TEXT, (SEND % f"n{n}").encode()) for n in range(20)]),
    "pings": socket_says(frame(PING, b"x" * 125) * 2000),
    "a close, and more": socket_says(frame(0x8, b"\x03\xe8") + frame(TEXT, b"{}") * 10),
    "a wrong token": socket_says(frame(TEXT, b'{"type":"hello","token":"x"}'), with_hello=False),
    "a deep token in a hello": socket_says(
        frame(TEXT, b'{"type":"hello","token":"' + b"W1tb" * 400 + b'.e30.AAAA"}'), with_hello=False
    ),
    "a hello that is none": socket_says(frame(TEXT, b"[" * 60_000), with_hello=False),
}
