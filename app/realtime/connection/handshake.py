"""One socket from accept to the answer to its hello."""

import asyncio
import contextlib
from dataclasses import replace
from functools import cache
from typing import NoReturn, cast

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.application.app_context import Context
from app.http.dependencies import client_address
from app.http.problems import problem
from app.realtime.connection.admission import PendingConnections, authenticate, check_handshake
from app.realtime.connection.dispatch import charge
from app.realtime.connection.drain import DRAIN_REASON
from app.realtime.connection.frame_handler import FrameHandler, text_of
from app.realtime.delivery.subscribe import open_rooms
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.transport.ws_protocol import EXTENSION, ChatWebSocketProtocol, text_frame
from app.settings import Limits
from app.wire.close_codes import CloseCode
from app.wire.errors import (
    BadFrame,
    Busy,
    ChatError,
    RateLimited,
    SessionEnded,
    Unauthenticated,
)
from app.wire.frames import (
    SUBPROTOCOL,
    Hello,
    RefusedFrame,
    ServerLimits,
    Welcome,
    encode,
    error_frame,
    parse,
)
from app.wire.schemas.users import UserOut

log = structlog.get_logger(__name__)


class Disconnected(Exception):
    """The peer is not there any more, or we have closed."""


class Handshake:
    def __init__(self, websocket: WebSocket, context: Context, hub: Hub) -> None:
        self._websocket, self._context, self._hub = websocket, context, hub
        self._limits = context.settings.limits
        self._writer = cast(ChatWebSocketProtocol, websocket.scope["extensions"][EXTENSION])

    async def run(self, pending_connections: PendingConnections) -> None:
        """Returns when the socket is over, or follows its rooms and `FrameHandler` has it; nothing that a
        client does raises."""
        address = client_address(self._websocket)
        try:
            try:
                self._check_admission(pending_connections, address)
            except ChatError as error:
                await self._deny(error)
            else:
                await self._run(pending_connections, address)
        except (Disconnected, WebSocketDisconnect):  # the latter when it went before it was accepted
            pass
        except Exception:
            log.exception("socket.failed", client=address)
            self._writer.send_close(CloseCode.INTERNAL, "the server failed: come back and resume")
        finally:
            # It was accepted, refused, or has gone. uvicorn knows of the first only, and writes an
            # error for the others.
            self._writer.handshake_complete = True

    def _check_admission(self, pending_connections: PendingConnections, address: str) -> None:
        """Raises what the peer is to be told instead of a socket."""
        if self._context.draining.is_set():
            raise Busy("This process is being stopped. Connect again.", retry_after_ms=1000)
        pending_connections.check_limit(address)
        check_handshake(self._websocket, self._context.settings)

    async def _deny(self, error: ChatError) -> None:
        response = problem(error, self._websocket.state.request_id)
        with contextlib.suppress(WebSocketDisconnect):
            await self._websocket.send_denial_response(response)

    async def _run(self, pending_connections: PendingConnections, address: str) -> None:
        with pending_connections.slot(address):
            await self._websocket.accept(subprotocol=SUBPROTOCOL)
            connection = await self._receive_hello()
        frames = FrameHandler(self._context, self._hub, connection, address)
        self._writer.hand_over(frames.handle, frames.handle_pong_inline)

    async def _receive_hello(self) -> Connection:
        """Wait for hello, and answer it. Raises Gone if there is none, or it does not convince."""
        try:
            hello = parse(
                await self._receive_in_time(),
                max_bytes=self._limits.hello_bytes,
                max_depth=self._limits.json_depth,
            )
        except TimeoutError:
            self._writer.send_close(CloseCode.UNAUTHENTICATED, "no hello in time")
            raise Disconnected from None
        except RefusedFrame as refused:
            self._refuse(refused.error, refused.frame_id, CloseCode.MALFORMED)
        if not isinstance(hello, Hello):
            self._refuse(BadFrame("The first frame is `hello`."), hello.id, CloseCode.MALFORMED)
        if self._context.draining.is_set():
            self._writer.send_close(CloseCode.DRAINING, DRAIN_REASON)
            raise Disconnected
        try:
            actor, user = await authenticate(self._context, hello.token)
            charge(self._context, actor.user, hello)
        except SessionEnded as error:
            self._refuse(error, hello.id, CloseCode.REVOKED)
        except Unauthenticated as error:
            self._refuse(error, hello.id, CloseCode.UNAUTHENTICATED)
        except RateLimited as error:
            self._refuse(error, hello.id, CloseCode.RATE)
        except ChatError as error:
            self._refuse(error, hello.id, CloseCode.OVERLOADED)
        at = asyncio.get_running_loop().time()
        connection = Connection(self._writer, actor, at, self._hub.turn.wake)
        self._hub.enter(connection)
        try:
            await self._welcome(connection, hello, UserOut.model_validate(user, from_attributes=True))
        except BaseException:
            self._hub.leave(connection)
            raise
        return connection

    async def _welcome(self, connection: Connection, hello: Hello, user: UserOut) -> None:
        connection.send(
            Welcome(
                id=hello.id,
                session=connection.actor.session,
                user=user,
                heartbeat_ms=int(self._context.settings.realtime.heartbeat_s * 1000),
                limits=_public_limits(self._limits),
                expires_at=connection.expires_at,
            )
        )
        try:
            await self._list_rooms(connection, hello.snapshot)
            await open_rooms(self._hub, connection, hello.rooms, hello.id, self._limits.catchup_hello)
        except SessionEnded as error:
            self._refuse(error, hello.id, CloseCode.REVOKED)
        except ChatError as error:
            self._refuse(error, hello.id, CloseCode.OVERLOADED)

    async def _list_rooms(self, connection: Connection, snapshot: str | None) -> None:
        """First join the audience, then count: what happens between shows as a bump."""
        snapshots = self._context.snapshots
        arrival = await self._hub.load_hello_state.ask(connection.actor)
        for room_id in arrival.rooms:
            self._hub.join_audience(connection, room_id)
        since = snapshots.open(connection.user, snapshot) if snapshot else None
        found = await self._hub.listings.ask(replace(arrival, since=since))
        for n, frame in enumerate(found.frames(snapshots.seal(connection.user, arrival.at))):
            if n:
                self._hub.turn.end()
                await self._writer.drained()
            connection.send(frame)
        connection.room_list_sent = True

    async def _receive_in_time(self) -> str:
        """The first message. Raises TimeoutError."""
        try:
            async with asyncio.timeout(self._context.settings.realtime.hello_timeout_s):
                return await self._receive()
        except TimeoutError:
            # If this process stood still, it was read in the same turn in which the time was over.
            if self._writer.queue.empty():
                raise
            return await self._receive()

    async def _receive(self) -> str:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise Disconnected
        return text_of(message)

    def _refuse(self, error: ChatError, frame_id: str | int | None, code: CloseCode) -> NoReturn:
        """Say why, close, and raise Gone."""
        self._writer.write_frames(text_frame(encode(error_frame(error, frame_id))))
        self._writer.send_close(code, error.code)
        raise Disconnected


@cache
def _public_limits(limits: Limits) -> ServerLimits:
    return ServerLimits.model_validate(limits, from_attributes=True)
