"""A client's end of a socket, with the `websockets` library and without the client of the
program."""

import asyncio
import itertools
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from testkit.people import Person
from testkit.waiting import LIMIT_S, limit

Frame = dict[str, Any]
_numbers = itertools.count(1)


class Peer:
    """Keeps all frames in order. A frame that `expect` returned is not returned again."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[Frame] = []
        self.last_nonce = ""
        self._open: list[Frame] = []  # not expected yet
        self._arrived = asyncio.Condition()
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        try:
            async for text in self.connection:
                assert isinstance(text, str), "the server sends no binary messages"
                async with self._arrived:
                    frame = orjson.loads(text)
                    self.frames.append(frame)
                    self._open.append(frame)
                    self._arrived.notify_all()
        except ConnectionClosed:
            pass
        finally:
            async with self._arrived:
                self._arrived.notify_all()

    async def until(self, condition: Callable[[], Any], what: str = "this") -> None:
        """Return once the condition about received frames is true."""
        try:
            async with limit(), self._arrived:
                while not condition():
                    if self._listening.done() or self.connection.close_code is not None:
                        raise AssertionError(f"closed, without {what}. {self._story()}")
                    await self._arrived.wait()
        except TimeoutError:
            raise AssertionError(f"no {what} within {LIMIT_S} s. {self._story()}") from None

    async def expect(self, type_: str, **fields: Any) -> Frame:
        """The next frame of this type with these fields that was not returned before."""
        wanted = {"type": type_, **fields}

        def found() -> Frame | None:
            return next((f for f in self._open if wanted.items() <= f.items()), None)

        await self.until(found, f"{wanted}")
        frame = found()
        assert frame is not None
        self._open.remove(frame)
        return frame

    async def expect_anything(self) -> None:
        await self.until(lambda: self.frames, "frame")

    async def send(self, type_: str, **fields: Any) -> None:
        await self.connection.send(orjson.dumps({"type": type_, **fields}).decode())

    async def ask(self, type_: str, **fields: Any) -> Frame:
        """Send a frame, and return the first answer to it: the frame that repeats its id."""
        name = f"q{next(_numbers)}"
        await self.send(type_, id=name, **fields)
        await self.until(lambda: any(f.get("id") == name for f in self._open), f"answer to {type_}")
        answer = next(f for f in self._open if f.get("id") == name)
        self._open.remove(answer)
        return answer

    async def opens(self, room: str, since: int | None = None) -> Frame:
        position = {"room": room} if since is None else {"room": room, "since": since}
        return await self.ask("open", rooms=[position])

    async def says(self, room: str, text: str = "hello", nonce: str | None = None) -> Frame:
        """Send a message and return the ack."""
        self.last_nonce = nonce or f"n{next(_numbers)}"
        ack = await self.ask("message.send", room=room, nonce=self.last_nonce, text=text)
        assert ack["type"] == "ack", ack
        return ack

    async def settled(self) -> None:
        """Return once everything that the server had sent to this socket before has arrived."""
        answer = await self.ask("nothing.like.this")
        assert answer["code"] == "unknown_type"

    def forget(self) -> None:
        """Drop all frames that have arrived."""
        self.frames.clear()
        self._open.clear()

    def of(self, *types: str, room: str | None = None) -> list[Frame]:
        """All frames of this type."""
        return [
            f for f in self.frames if f["type"] in types and (room is None or f["room"] == room)
        ]

    def list_updates(self) -> list[Frame]:
        """The frames `rooms` after the list that answered `hello`."""
        frames = self.of("welcome", "rooms")
        if frames and frames[0]["type"] == "rooms":
            return frames  # those before were cleared
        answered = next((n for n, frame in enumerate(frames) if "snapshot" in frame), len(frames))
        return frames[answered + 1 :]

    def updates(self, room: str) -> list[Frame]:
        """The entries of a room in `list_updates`."""
        return [e for f in self.list_updates() for e in f["rooms"] if e["room"] == room]

    def entry(self, room: str) -> Frame:
        """The newest of `updates`; empty if there is none."""
        return next(reversed(self.updates(room)), {})

    def gone(self, room: str) -> int:
        """How often `list_updates` say that the room has gone."""
        return sum(frame["gone"].count(room) for frame in self.list_updates())

    async def lists(self, room: str, **fields: Any) -> None:
        """Return once the newest entry of the room has these fields."""
        wanted = {"room": room, **fields}
        await self.until(lambda: wanted.items() <= self.entry(room).items(), f"entry {wanted}")

    async def loses(self, room: str) -> None:
        """Return once `list_updates` say that the room has gone."""
        await self.until(lambda: self.gone(room), f"room that has gone: {room}")

    def events(self, room: str) -> list[Frame]:
        """The events of a room in order of arrival."""
        return [f for f in self.frames if f.get("room") == room and "actor" in f]

    def seqs(self, room: str) -> list[int]:
        return [event["seq"] for event in self.events(room)]

    async def has(self, room: str, seq: int) -> None:
        """Return once the event has arrived."""
        await self.until(lambda: seq in self.seqs(room), f"event {seq}")

    async def closed(self) -> int:
        """The close code, once the server has closed. Without one: 1006."""
        try:
            async with limit():
                await self.connection.wait_closed()
        except TimeoutError:
            raise AssertionError(f"still open after {LIMIT_S} s. {self._story()}") from None
        await self._listening
        code = self.connection.close_code
        assert code is not None
        return code

    @property
    def is_open(self) -> bool:
        return self.connection.close_code is None and not self._listening.done()

    def stops_reading(self) -> None:
        self.connection.transport.pause_reading()

    async def leave(self) -> None:
        await self.connection.close()
        await self._listening

    def _story(self) -> str:
        came = [f["type"] for f in self.frames]
        return f"Closed with {self.connection.close_code}; came: {came[-30:]}"


@asynccontextmanager
async def dial(
    url: str,
    *,
    protocols: Iterable[str] = ("chat.v1",),
    origin: str | None = None,
    headers: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    small_window: bool = False,
) -> AsyncIterator[Peer]:
    """A new socket. `url` is the server's, http or https. If it is narrow, the kernel buffers only
    a few kilobytes for a peer that does not read."""
    connection = await connect(
        f"ws{url.removeprefix('http')}/ws",
        subprotocols=[Subprotocol(p) for p in protocols] or None,
        origin=None if origin is None else Origin(origin),
        additional_headers=headers,
        ssl=tls,
        sock=await small_window_socket(url) if small_window else None,
        proxy=None,
        compression=None,
        ping_interval=None,
        max_size=None,
        open_timeout=LIMIT_S,
        close_timeout=2,
    )
    peer = Peer(connection)
    try:
        yield peer
    finally:
        connection.transport.resume_reading()
        await peer.leave()


@asynccontextmanager
async def joined(
    person: Person,
    *rooms: str | tuple[str, int],
    url: str | None = None,
    token: str | None = None,
    tls: ssl.SSLContext | None = None,
    small_window: bool = False,
) -> AsyncIterator[Peer]:
    """A socket of this person with these rooms open, each from a position or at its head.

    It is on the server of the person's HTTP client, unless there is a `url`.
    """
    positions: list[dict[str, Any]] = [
        {"room": room} if isinstance(room, str) else {"room": room[0], "since": room[1]}
        for room in rooms
    ]
    url = url or str(person.http.base_url).rstrip("/")
    async with dial(url, tls=tls, small_window=small_window) as peer:
        await peer.send("hello", token=token or person.access, rooms=positions)
        await peer.expect("welcome")
        await peer.expect("rooms")
        for position in positions:
            await peer.expect("room.opened", room=position["room"])
        yield peer


async def small_window_socket(url: str) -> socket.socket:
    """A TCP connection with a small receive window."""
    address = urlsplit(url)
    connected = socket.socket()
    # Before it connects: a window that was announced is not taken back.
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connected.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connected, (address.hostname, address.port))
    return connected


class Peers:
    """Any number of sockets for one test."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._stack.aclose()

    async def join(self, person: Person, *rooms: str | tuple[str, int], **options: Any) -> Peer:
        return await self._stack.enter_async_context(joined(person, *rooms, **options))

    async def dial(self, url: str, **options: Any) -> Peer:
        return await self._stack.enter_async_context(dial(url, **options))
