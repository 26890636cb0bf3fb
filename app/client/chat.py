"""A client that delivers each room's events in order and sends each message exactly once.

async with ChatClient("http://127.0.0.1:8000") as chat:
    await chat.log_in("ada", "correct horse")
    room = await chat.api.find_or_create_room("general")
    await chat.open(room.id)
    ack = await chat.send(room.id, "hello")
    async for item in chat.events(): ...
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, Literal, Self
from uuid import UUID, uuid4

from pydantic import ValidationError

from app.client.api import Api
from app.client.backoff import Backoff
from app.client.connection_manager import ConnectionManager
from app.client.errors import ClientClosed, ClientError, ClientStopped, RequestRejected
from app.client.event_queue import ClientEvent, EventQueue
from app.client.http import HttpClient, ServerAddress
from app.client.room_subscription import RoomServices
from app.client.session import Session
from app.client.user_cache import UserCache
from app.wire.client_frames import MarkRead, SendMessage
from app.wire.errors import ErrorCode
from app.wire.frames import Ack, RoomOpened
from app.wire.schemas.users import TokenOut, UserOut
from app.wire.validation import invalid_from_pydantic

AGENT = "chat-python/1.0"


class ChatClient:
    """One user's connection, which is re-established until the server ends it.

    `on_reset` says where a room continues after the server has declared its position void: at the
    head or at the start of the log. At most `max_queued_events` wait for the reader of `events`;
    beyond that rooms stop and continue from the log when it reads again.

    Requests raise RequestRejected or Unreachable, and ClientStopped once the client has stopped.
    """

    def __init__(
        self,
        base_url: str,
        *,
        tls: ssl.SSLContext | None = None,
        agent: str = AGENT,
        on_tokens: Callable[[TokenOut], None] | None = None,
        device_token: str | None = None,
        on_reset: Literal["head", "start"] = "head",
        backoff: Backoff | None = None,
        max_queued_events: int = 1000,
    ) -> None:
        server = ServerAddress.at(base_url, tls, agent)
        self._http = HttpClient(server)
        self._session = Session(self._http, on_tokens, device_token)
        self._queue = EventQueue(max_queued_events, self._advance)
        self._manager = ConnectionManager(server, self._session, backoff or Backoff(), self._queue)
        self._services = RoomServices(
            queue=self._queue,
            from_start=on_reset == "start",
            read=self._manager.api.events,
            spawn=self._spawn,
            wake=self._manager.wake.set,
            lost=self._manager.rooms.drop,
        )
        self._run: asyncio.Task[None] | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._ended: ClientError | None = None
        self.users = UserCache(self.api)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()
        await self._session.close()
        await self._http.close()

    @property
    def api(self) -> Api:
        """The HTTP API with this user's credentials."""
        return self._manager.api

    @property
    def connected(self) -> bool:
        return self._manager.connected

    @property
    def unacked_messages(self) -> int:
        """The number of messages that have no answer yet."""
        return self._manager.send_queue.messages

    # Session.

    async def log_in(self, username: str, password: str) -> UserOut:
        """Open a session and connect. Returns the user."""
        await self._session.log_in(username, password)
        return await self._connect()

    async def resume(self, refresh_token: str) -> UserOut:
        """Like `log_in`, with the refresh token of an earlier session (see `on_tokens`)."""
        await self._session.resume(refresh_token)
        return await self._connect()

    async def log_out(self) -> None:
        """End the client and the session."""
        await self._stop()
        await self.api.log_out()

    def reconnect_soon(self) -> None:
        """Skip the backoff if there is no connection: a person is waiting."""
        self._manager.reconnect_soon()

    # Rooms.

    async def open(
        self, room: UUID, since: int | None = None, epoch: str | None = None
    ) -> RoomOpened:
        """Subscribe to a room: `events` yields what comes after `since`, in order, without gaps.
        Without `since` it starts at the head. Does nothing if the room is open already."""
        self._check_alive()
        subscription = self._manager.rooms.open(room, since, epoch, self._services)
        return await asyncio.shield(subscription.opened)

    def close(self, room: UUID) -> None:
        """Unsubscribe from a room."""
        self._manager.rooms.close(room)
        self._manager.wake.set()

    def position(self, room: UUID) -> int | None:
        """The seq of the last event of an open room that was queued for `events`."""
        return self._manager.rooms.position(room)

    def epoch(self, room: UUID) -> str | None:
        """The epoch of `position`. `open` needs both if the application stores a position."""
        return self._manager.rooms.epoch(room)

    async def events(self) -> AsyncIterator[ClientEvent]:
        """For one reader. Ends after `__aexit__`; raises ClientStopped if the server ended it."""
        while True:
            try:
                item = await self._queue.get()
            except ClientClosed:
                return
            yield item

    # Sending.

    def send(
        self,
        room: UUID,
        text: str,
        *,
        reply_to: int | None = None,
        thread: int | None = None,
        nonce: str | None = None,
    ) -> "asyncio.Future[Ack]":
        """Queue a message; the future resolves to its ack after the server has committed it.

        Messages of a room keep their order and survive lost connections; cancelling the future
        does not withdraw one. The future raises RequestRejected if the server will never accept
        the message. The call itself raises RequestRejected (invalid) or SendQueueFull.
        """
        self._check_alive()
        try:
            frame = SendMessage(
                room=room,
                nonce=nonce or str(uuid4()),
                text=text,
                reply_to=reply_to,
                thread=thread,
            )
        except ValidationError as error:
            why = invalid_from_pydantic(error.errors())
            raise RequestRejected(ErrorCode.INVALID, why.detail) from None
        answer = self._manager.send_queue.add(frame)
        self._manager.wake.set()
        return answer

    async def mark_read(self, room: UUID, seq: int) -> int:
        """Returns the read marker afterwards. It never moves back."""
        self._check_alive()
        answer = self._manager.send_queue.add(MarkRead(room=room, seq=seq))
        self._manager.wake.set()
        return (await asyncio.shield(answer)).seq

    async def drain(self) -> None:
        """Wait until every request has its answer. Raises ClientStopped if the client stopped."""
        await self._manager.send_queue.empty.wait()
        if self._ended:
            raise self._ended

    async def _connect(self) -> UserOut:
        if self._run:
            raise RuntimeError("This client has a session already.")
        self._run = asyncio.create_task(self._keep_connected())
        welcome = await asyncio.shield(self._manager.first)
        self.users.put(welcome.user)
        return welcome.user

    async def _keep_connected(self) -> None:
        why: ClientError = ClientClosed("The client was closed.")
        try:
            async with asyncio.TaskGroup() as self._tasks:
                why = await self._manager.run()
                self._manager.rooms.stop(why)
        except Exception as defect:
            why = ClientStopped(f"The client failed: {defect!r}")
            raise
        finally:
            self._set_stopped(why)

    async def _stop(self) -> None:
        """Raises what `_keep_connected` failed with, if it did."""
        if self._run is None:
            return
        self._run.cancel()
        await asyncio.wait([self._run])
        if not self._run.cancelled():
            self._run.result()

    def _set_stopped(self, why: ClientError) -> None:
        self._ended = why
        self._manager.stop(why)
        self._queue.stop(why)

    def _check_alive(self) -> None:
        if self._ended:
            raise self._ended
        if self._run is None:
            raise RequestRejected(ErrorCode.UNAUTHENTICATED, "Log in first.")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        assert self._tasks, "rooms receive nothing before there is a connection"
        return self._tasks.create_task(work)

    def _advance(self) -> None:
        self._manager.rooms.advance()
