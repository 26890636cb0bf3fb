"""One socket from accept to the answer to its hello."""

import asyncio
import contextlib
from dataclasses import replace
from functools import cache
from typing import NoReturn, cast

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.application.app_context import AppContext
from app.http.dependencies import get_client_address
from app.http.problems import problem_response
from app.realtime.connection.admission import Lobby, authenticate, check_handshake
from app.realtime.connection.dispatch import charge
from app.realtime.connection.drain import MOVE
from app.realtime.connection.frame_handler import Frames, text_of
from app.realtime.delivery.subscribe import open_rooms
from app.realtime.hub.connection import Socket
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
from app.wire.frame_parser import RefusedFrame, parse
from app.wire.frames import (
    SUBPROTOCOL,
    Hello,
    Welcome,
    encode,
    error_frame,
)
from app.wire.schemas.limits import ServerLimits
from app.wire.schemas.users import UserOut

log = structlog.get_logger(__name__)


class Gone(Exception):
    """The peer is not there any more, or we have closed."""


class Connection:
    def __init__(self, websocket: WebSocket, context: AppContext, hub: Hub) -> None:
        self._websocket, self._context, self._hub = websocket, context, hub
        self._limits = context.settings.limits
        self._writer = cast(ChatWebSocketProtocol, websocket.scope["extensions"][EXTENSION])

    async def run(self, lobby: Lobby) -> None:
        """Returns when the socket is over, or follows its rooms and `Frames` has it; nothing that a
        client does raises."""
        address = get_client_address(self._websocket)
        try:
            try:
                self._admit(lobby, address)
            except ChatError as error:
                await self._deny(error)
            else:
                await self._talk(lobby, address)
        except (Gone, WebSocketDisconnect):  # the latter when it went before it was accepted
            pass
        except Exception:
            log.exception("socket.failed", client=address)
            self._writer.shut(CloseCode.INTERNAL, "the server failed: come back and resume")
        finally:
            # It was accepted, refused, or has gone. uvicorn knows of the first only, and writes an
            # error for the others.
            self._writer.handshake_complete = True

    def _admit(self, lobby: Lobby, address: str) -> None:
        """Raises what the peer is to be told instead of a socket."""
        if self._context.draining.is_set():
            raise Busy("This process is being stopped. Connect again.", retry_after_ms=1000)
        lobby.refuse_crowd(address)
        check_handshake(self._websocket, self._context.settings)

    async def _deny(self, error: ChatError) -> None:
        response = problem_response(error, self._websocket.state.request_id)
        with contextlib.suppress(WebSocketDisconnect):
            await self._websocket.send_denial_response(response)

    async def _talk(self, lobby: Lobby, address: str) -> None:
        with lobby.seat(address):
            await self._websocket.accept(subprotocol=SUBPROTOCOL)
            socket = await self._greet()
        frames = Frames(self._context, self._hub, socket, address)
        self._writer.hand_over(frames.hear, frames.hear_pong)

    async def _greet(self) -> Socket:
        """Wait for hello, and answer it. Raises Gone if there is none, or it does not convince."""
        try:
            hello = parse(
                await self._receive_in_time(),
                max_bytes=self._limits.hello_bytes,
                max_depth=self._limits.json_depth,
            )
        except TimeoutError:
            self._writer.shut(CloseCode.UNAUTHENTICATED, "no hello in time")
            raise Gone from None
        except RefusedFrame as refused:
            self._refuse(refused.error, refused.frame_id, CloseCode.MALFORMED)
        if not isinstance(hello, Hello):
            self._refuse(BadFrame("The first frame is `hello`."), hello.id, CloseCode.MALFORMED)
        if self._context.draining.is_set():
            self._writer.shut(CloseCode.DRAINING, MOVE)
            raise Gone
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
        socket = Socket(self._writer, actor, at, self._hub.turn.wake)
        self._hub.enter(socket)
        try:
            await self._welcome(socket, hello, UserOut.model_validate(user, from_attributes=True))
        except BaseException:
            self._hub.leave(socket)
            raise
        return socket

    async def _welcome(self, socket: Socket, hello: Hello, user: UserOut) -> None:
        socket.send(
            Welcome(
                id=hello.id,
                session=socket.actor.session,
                user=user,
                heartbeat_ms=int(self._context.settings.realtime.ping_interval_s * 1000),
                limits=_told(self._limits),
                expires_at=socket.expires_at,
            )
        )
        try:
            await self._list_rooms(socket, hello.snapshot)
            await open_rooms(
                self._hub, socket, hello.rooms, hello.id, self._limits.catchup_events_per_request
            )
        except SessionEnded as error:
            self._refuse(error, hello.id, CloseCode.REVOKED)
        except ChatError as error:
            self._refuse(error, hello.id, CloseCode.OVERLOADED)

    async def _list_rooms(self, socket: Socket, snapshot: str | None) -> None:
        """First join the audience, then count: what happens between shows as a bump."""
        snapshots = self._context.sync_tokens
        arrival = await self._hub.arrivals.ask(socket.actor)
        for room_id in arrival.rooms:
            self._hub.join_audience(socket, room_id)
        since = snapshots.parse(socket.user, snapshot) if snapshot else None
        found = await self._hub.listings.ask(replace(arrival, since=since))
        for n, frame in enumerate(found.frames(snapshots.issue(socket.user, arrival.at))):
            if n:
                self._hub.turn.end()
                await self._writer.drained()
            socket.send(frame)
        socket.listed = True

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
            raise Gone
        return text_of(message)

    def _refuse(self, error: ChatError, frame_id: str | int | None, code: CloseCode) -> NoReturn:
        """Say why, close, and raise Gone."""
        self._writer.write_frames(text_frame(encode(error_frame(error, frame_id))))
        self._writer.shut(code, error.code)
        raise Gone


@cache
def _told(limits: Limits) -> ServerLimits:
    return ServerLimits.model_validate(limits, from_attributes=True)
