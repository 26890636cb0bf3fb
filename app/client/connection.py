"""One WebSocket connection. The only module that uses the `websockets` library."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from app.client.close_policy import ConnectionLost, ReconnectAction, for_close_code
from app.client.http import ServerAddress, refusal
from app.wire.client_frames import Hello, RoomPosition
from app.wire.events import AnyEvent
from app.wire.frames import SUBPROTOCOL, ErrorFrame, RoomClosed, ServerFrame, Welcome, encode

WELCOME_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
SILENCE_MARGIN_S = 10.0  # beyond the heartbeat interval, until the server counts as gone
MAX_FRAME_BYTES = 16 * 1024 * 1024  # the list of thousands of rooms is one frame


class _LenientError(ErrorFrame):
    code: str  # type: ignore[assignment]


class _LenientRoomClosed(RoomClosed):
    reason: str  # type: ignore[assignment]


# A newer server may send unknown codes, reasons and events. Other unknown frames are ignored.
_FRAME: TypeAdapter[Any] = TypeAdapter(
    Annotated[
        ServerFrame | _LenientError | _LenientRoomClosed | AnyEvent,
        Field(union_mode="left_to_right"),
    ]
)


class Connection:
    """A socket after its `welcome`. `requested_rooms` are those of its `hello`. Every method raises
    ConnectionLost once it is closed."""

    def __init__(
        self, socket: ClientConnection, welcome: Welcome, requested_rooms: Sequence[RoomPosition]
    ) -> None:
        self._socket = socket
        self.requested_rooms = requested_rooms
        self.welcome = welcome
        self._silence_s = welcome.heartbeat_ms / 1000 + SILENCE_MARGIN_S

    async def send(self, frame: BaseModel) -> None:
        """Wait while the server does not read, for as long as it may be silent."""
        try:
            async with asyncio.timeout(self._silence_s):
                await _send(self._socket, frame)
        except TimeoutError:
            raise ConnectionLost(ReconnectAction.RESUME, "The server does not read.") from None

    async def receive(self) -> Any:
        """The next frame of a known type, in the order of the server."""
        while True:
            frame = await _receive(self._socket, self._silence_s)
            if frame is not None:
                return frame

    async def close(self) -> None:
        await _close(self._socket)


async def open_connection(server: ServerAddress, hello: Hello) -> Connection:
    """Connect, send `hello` and wait for `welcome`. Raises ConnectionLost."""
    socket = await _connect(server)
    try:
        await _send(socket, hello)
        return Connection(socket, await _welcome(socket), hello.rooms)
    except BaseException:
        await _close(socket)
        raise


async def _welcome(socket: ClientConnection) -> Welcome:
    """An error frame before the close explains it; the close code decides what to do."""
    error_detail = ""
    while True:
        try:
            frame = await _receive(socket, WELCOME_TIMEOUT_S)
        except ConnectionLost as lost:
            lost.detail = error_detail or lost.detail
            raise
        if isinstance(frame, Welcome):
            return frame
        if isinstance(frame, ErrorFrame):
            error_detail = frame.detail


async def _connect(server: ServerAddress) -> ClientConnection:
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
            open_timeout=WELCOME_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MAX_FRAME_BYTES,
        )
    except InvalidStatus as rejection:
        answer = rejection.response
        header = answer.headers.get("Retry-After")
        error = refusal(answer.status_code, bytes(answer.body or b""), header)
        raise ConnectionLost.from_rejection(error) from rejection
    except (OSError, TimeoutError, EOFError, InvalidHandshake) as error:
        reason = str(error) or "no answer in time"
        raise ConnectionLost(ReconnectAction.RESUME, f"No connection: {reason}.") from error


async def _send(socket: ClientConnection, frame: BaseModel) -> None:
    try:
        await socket.send(encode(frame), text=True)
    except ConnectionClosed as closed:
        raise _connection_lost(closed) from closed


async def _receive(socket: ClientConnection, silence_s: float) -> Any:
    """The next frame; None if its type is unknown."""
    try:
        async with asyncio.timeout(silence_s):
            data = await socket.recv(decode=False)
    except TimeoutError:
        raise ConnectionLost(
            ReconnectAction.RESUME, f"Nothing was received for {silence_s:g} s."
        ) from None
    except ConnectionClosed as closed:
        raise _connection_lost(closed) from closed
    try:
        return _FRAME.validate_json(data)
    except ValidationError:
        return None


def _connection_lost(closed: ConnectionClosed) -> ConnectionLost:
    code = closed.rcvd.code if closed.rcvd else 1006
    reason = closed.rcvd.reason if closed.rcvd else ""
    return ConnectionLost(
        for_close_code(code), reason or f"The connection was closed ({code}).", code=code
    )


async def _close(socket: ClientConnection) -> None:
    with suppress(OSError, TimeoutError):
        await socket.close()
