"""A WebSocket from its handshake to the answer to its `hello`."""

import asyncio
import contextlib
from functools import cache
from typing import NoReturn, cast

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.application.app_context import AppContext
from app.http.dependencies import get_client_address
from app.http.problems import problem_response
from app.limit_settings import Limits
from app.realtime.connection.admission import authenticate, check_handshake
from app.realtime.connection.dispatch import charge
from app.realtime.connection.drain import DRAIN_REASON
from app.realtime.connection.frame_handler import FrameHandler, message_text
from app.realtime.connection.room_list import ListRequest
from app.realtime.connection.services import ConnectionServices
from app.realtime.delivery.subscribe import open_rooms
from app.realtime.hub.connection import Connection
from app.realtime.transport.ws_protocol import EXTENSION, ChatWebSocketProtocol, text_frame
from app.users.views import user_out
from app.wire.client_frames import Hello
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
from app.wire.frames import SUBPROTOCOL, Welcome, encode, error_frame
from app.wire.schemas.limits import ServerLimits
from app.wire.schemas.users import UserOut

log = structlog.get_logger(__name__)


class Disconnected(Exception):
    """The peer has disconnected, or we have closed the WebSocket."""


class Handshake:
    def __init__(
        self, websocket: WebSocket, context: AppContext, services: ConnectionServices
    ) -> None:
        self._websocket, self._context, self._services = websocket, context, services
        self._limits = context.settings.limits
        self._writer = cast(ChatWebSocketProtocol, websocket.scope["extensions"][EXTENSION])

    async def run(self) -> None:
        """Return when the WebSocket is refused or closed, or has its rooms open and a
        `FrameHandler`. Raises nothing, whatever the client does."""
        address = get_client_address(self._websocket)
        try:
            try:
                self._check_admission(address)
            except ChatError as error:
                await self._deny(error)
            else:
                await self._run(address)
        except (Disconnected, WebSocketDisconnect):  # the latter before it was accepted
            pass
        except Exception:
            log.exception("connection.handler_failed", client_address=address)
            self._writer.send_close(CloseCode.INTERNAL, "the server failed: come back and resume")
        finally:
            # It was accepted, refused, or the peer has gone. uvicorn only knows of the first, and
            # writes an error for the others.
            self._writer.handshake_complete = True

    def _check_admission(self, address: str) -> None:
        """Raises the error with which the handshake is answered."""
        if self._context.draining.is_set():
            raise Busy("This process is being stopped. Connect again.", retry_after_ms=1000)
        self._services.pending.check_limit(address)
        check_handshake(self._websocket, self._context.settings)

    async def _deny(self, error: ChatError) -> None:
        response = problem_response(error, self._websocket.state.request_id)
        with contextlib.suppress(WebSocketDisconnect):
            await self._websocket.send_denial_response(response)

    async def _run(self, address: str) -> None:
        with self._services.pending.slot(address):
            await self._websocket.accept(subprotocol=SUBPROTOCOL)
            connection = await self._connect(await self._receive_hello())
        handler = FrameHandler(self._context, self._services, connection, address)
        self._writer.hand_over(handler.handle, handler.handle_pong_inline)

    async def _receive_hello(self) -> Hello:
        """Raises Disconnected if it does not arrive, or the first frame is another."""
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
        return hello

    async def _connect(self, hello: Hello) -> Connection:
        """Authenticate `hello` and answer it. Raises Disconnected if it is refused."""
        if self._context.draining.is_set():
            self._writer.send_close(CloseCode.DRAINING, DRAIN_REASON)
            raise Disconnected
        try:
            actor, user = await authenticate(self._context, hello.token)
            charge(self._context, actor.user, hello)
            await self._context.server_state.get()
        except SessionEnded as error:
            self._refuse(error, hello.id, CloseCode.REVOKED)
        except Unauthenticated as error:
            self._refuse(error, hello.id, CloseCode.UNAUTHENTICATED)
        except RateLimited as error:
            self._refuse(error, hello.id, CloseCode.RATE)
        except ChatError as error:
            self._refuse(error, hello.id, CloseCode.OVERLOADED)
        hub, at = self._services.hub, asyncio.get_running_loop().time()
        connection = Connection(self._writer, actor, at, hub.coalescer.schedule)
        hub.register(connection)
        try:
            profile = user_out(user)
            await self._welcome(connection, hello, profile)
        except BaseException:
            hub.unregister(connection)
            raise
        return connection

    async def _welcome(self, connection: Connection, hello: Hello, user: UserOut) -> None:
        connection.send(
            Welcome(
                id=hello.id,
                session=connection.actor.session,
                user=user,
                epoch=self._context.server_state.last.epoch,
                heartbeat_ms=int(self._context.settings.realtime.ping_interval_s * 1000),
                limits=_public_limits(self._limits),
                expires_at=connection.expires_at,
            )
        )
        try:
            await self._send_room_list(connection, hello.snapshot)
            max_events = self._limits.catchup_events_per_request
            await open_rooms(self._services.delivery, connection, hello.rooms, hello.id, max_events)
        except SessionEnded as error:
            self._refuse(error, hello.id, CloseCode.REVOKED)
        except ChatError as error:
            self._refuse(error, hello.id, CloseCode.OVERLOADED)

    async def _send_room_list(self, connection: Connection, snapshot: str | None) -> None:
        """Become a member in the hub first, then read the list: what changes in between is sent
        again."""
        hub, loader, snapshots = (
            self._services.hub,
            self._services.room_lists,
            self._context.sync_tokens,
        )
        server_state = self._context.server_state.last
        state = await loader.hello_states.load(connection.actor)
        hub.add_memberships(connection, state.rooms)
        self._services.delivery.user_logs.start(connection.user, state.position.seq)
        since = snapshots.parse(connection.user, snapshot, server_state) if snapshot else None
        if since and not state.includes(since):
            since = None
        request = ListRequest(connection.user, since, len(state.rooms), connection.actor.is_admin)
        room_list = await loader.room_lists.load(request)
        issued = snapshots.issue(connection.user, state.position, server_state)
        for n, frame in enumerate(room_list.frames(issued)):
            if n:
                hub.coalescer.flush()
                await self._writer.drained()
            connection.send_raw(frame)
        connection.room_list_sent = True

    async def _receive_in_time(self) -> str:
        """The first message. Raises TimeoutError."""
        try:
            async with asyncio.timeout(self._context.settings.realtime.hello_timeout_s):
                return await self._receive()
        except TimeoutError:
            # If this process stood still, the message and the timeout come in one iteration.
            if self._writer.queue.empty():
                raise
            return await self._receive()

    async def _receive(self) -> str:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise Disconnected
        return message_text(message)

    def _refuse(self, error: ChatError, frame_id: str | int | None, code: CloseCode) -> NoReturn:
        """Send the error, close, and raise Disconnected."""
        self._writer.write_frames(text_frame(encode(error_frame(error, frame_id))))
        self._writer.send_close(code, error.code)
        raise Disconnected


@cache
def _public_limits(limits: Limits) -> ServerLimits:
    return ServerLimits.model_validate(limits, from_attributes=True)
