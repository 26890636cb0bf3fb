"""One socket, from the handshake to its end: one place that knows the websockets library."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from app.client.close_policy import Dropped, Verdict, of_close
from app.client.http import Server, refusal
from app.wire.events import AnyEvent
from app.wire.frames import (
    SUBPROTOCOL,
    ErrorFrame,
    Hello,
    RoomClosed,
    RoomPosition,
    ServerFrame,
    Welcome,
    encode,
)

GREETING_S = 10.0
CLOSING_S = 1.0
GRACE_S = 10.0  # beyond the heartbeat, before silence means that the server is gone
MOST_BYTES = 16 * 1024 * 1024  # of a frame: the list of thousands of rooms is one


class _AnyError(ErrorFrame):
    code: str  # type: ignore[assignment]


class _AnyEnd(RoomClosed):
    reason: str  # type: ignore[assignment]


# A newer server may have other codes, reasons and events. What is none of these is ignored.
_FRAME: TypeAdapter[Any] = TypeAdapter(
    Annotated[ServerFrame | _AnyError | _AnyEnd | AnyEvent, Field(union_mode="left_to_right")]
)


class Link:
    """A socket after its welcome; its hello `asked` for these rooms. Every method raises Dropped
    once it is over."""

    def __init__(
        self, socket: ClientConnection, welcome: Welcome, asked: Sequence[RoomPosition]
    ) -> None:
        self._socket = socket
        self.asked = asked
        self.welcome = welcome
        self._silence_s = welcome.heartbeat_ms / 1000 + GRACE_S

    async def send(self, frame: BaseModel) -> None:
        """Waits while the server does not read, but not for ever."""
        try:
            async with asyncio.timeout(self._silence_s):
                await _send(self._socket, frame)
        except TimeoutError:
            raise Dropped(Verdict.RESUME, "The server does not read.") from None

    async def receive(self) -> Any:
        """The next frame of a kind that we know. Frames are heard in the order of the server."""
        while True:
            frame = await _receive(self._socket, self._silence_s)
            if frame is not None:
                return frame

    async def close(self) -> None:
        await _close(self._socket)


async def dial(server: Server, hello: Hello) -> Link:
    """Connect and say hello. Raises Dropped."""
    socket = await _connect(server)
    try:
        await _send(socket, hello)
        return Link(socket, await _welcome(socket), hello.rooms)
    except BaseException:
        await _close(socket)
        raise


async def _welcome(socket: ClientConnection) -> Welcome:
    """What is said before a refusal is repeated by the close code, which decides."""
    said = ""
    while True:
        try:
            frame = await _receive(socket, GREETING_S)
        except Dropped as dropped:
            dropped.detail = said or dropped.detail
            raise
        if isinstance(frame, Welcome):
            return frame
        if isinstance(frame, ErrorFrame):
            said = frame.detail


async def _connect(server: Server) -> ClientConnection:
    url = server.url
    secure = url.scheme == "https"
    address = url.copy_with(scheme="wss" if secure else "ws", path=f"{url.path.rstrip('/')}/ws")
    try:
        return await connect(
            str(address),
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
            ssl=server.tls if secure else None,
            user_agent_header=server.agent,
            compression=None,
            ping_interval=None,  # the protocol has its own heartbeat
            open_timeout=GREETING_S,
            close_timeout=CLOSING_S,
            max_size=MOST_BYTES,
        )
    except InvalidStatus as refused:
        answer = refused.response
        header = answer.headers.get("Retry-After")
        error = refusal(answer.status_code, bytes(answer.body or b""), header)
        raise Dropped.by_refusal(error) from refused
    except (OSError, TimeoutError, EOFError, InvalidHandshake) as error:
        reason = str(error) or "no answer in time"
        raise Dropped(Verdict.RESUME, f"No connection: {reason}.") from error


async def _send(socket: ClientConnection, frame: BaseModel) -> None:
    try:
        await socket.send(encode(frame), text=True)
    except ConnectionClosed as closed:
        raise _dropped(closed) from closed


async def _receive(socket: ClientConnection, silence_s: float) -> Any:
    """A frame, or None for one of an unknown kind."""
    try:
        async with asyncio.timeout(silence_s):
            data = await socket.recv(decode=False)
    except TimeoutError:
        raise Dropped(Verdict.RESUME, f"Nothing was heard for {silence_s:g} s.") from None
    except ConnectionClosed as closed:
        raise _dropped(closed) from closed
    try:
        return _FRAME.validate_json(data)
    except ValidationError:
        return None


def _dropped(closed: ConnectionClosed) -> Dropped:
    code = closed.rcvd.code if closed.rcvd else 1006
    reason = closed.rcvd.reason if closed.rcvd else ""
    return Dropped(of_close(code), reason or f"The connection was closed ({code}).", code=code)


async def _close(socket: ClientConnection) -> None:
    with suppress(OSError, TimeoutError):
        await socket.close()
