"""The client: rooms that follow their log, messages that arrive once, whatever the network does.

async with ChatClient("http://127.0.0.1:8000") as chat:
    await chat.log_in("ada", "correct horse")
    room = await chat.api.enter_public("general")
    await chat.open(room)
    ack = await chat.send(room, "hello")
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
from app.client.connection_manager import Stay
from app.client.errors import ClientError, Closed, Ended, Refused
from app.client.event_queue import Feed, Item
from app.client.http import Http, Server
from app.client.room_subscription import Surroundings
from app.client.session import Session
from app.client.user_cache import People
from app.wire.errors import ErrorCode
from app.wire.frames import Ack, MarkRead, RoomOpened, SendMessage
from app.wire.schemas.users import TokenOut, UserOut
from app.wire.validation import invalid_from_pydantic

AGENT = "chat-python/1.0"


class ChatClient:
    """One user's connection. `on_reset` says where a room goes on whose position is void: at the
    head, or at the start of its log. `most_unread` items wait for the reader of `events`; beyond
    them the rooms stand still, and go on from the log when it reads again.

    Everything that asks the server raises Refused or Unreachable, and Ended when it is over.
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
        most_unread: int = 1000,
    ) -> None:
        server = Server.at(base_url, tls, agent)
        self._http = Http(server)
        self._session = Session(self._http, on_tokens, device_token)
        self._feed = Feed(most_unread, self._advance)
        self._stay = Stay(server, self._session, backoff or Backoff(), self._feed)
        self._around = Surroundings(
            feed=self._feed,
            from_start=on_reset == "start",
            read=self._stay.api.events,
            spawn=self._spawn,
            wake=self._stay.wake.set,
            lost=self._stay.rooms.lose,
        )
        self._run: asyncio.Task[None] | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._ended: ClientError | None = None
        self.people = People(self.api)

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
        """The HTTP surface, as this user."""
        return self._stay.api

    @property
    def connected(self) -> bool:
        return self._stay.connected

    @property
    def unsent(self) -> int:
        """How many messages have no answer yet."""
        return self._stay.outbox.messages

    # Coming and going.

    async def log_in(self, username: str, password: str) -> UserOut:
        """Open a session, and a socket that is kept open. Returns who one is."""
        await self._session.log_in(username, password)
        return await self._connect()

    async def resume(self, refresh_token: str) -> UserOut:
        """The same with a session that was kept (`on_tokens`)."""
        await self._session.resume(refresh_token)
        return await self._connect()

    async def log_out(self) -> None:
        """End the client and the session."""
        await self._stop()
        await self.api.log_out()

    def hurry(self) -> None:
        """A person waits: if there is no connection, try again soon, whatever the backoff says."""
        self._stay.hurry()

    # Rooms.

    async def open(self, room: UUID, since: int | None = None) -> RoomOpened:
        """Follow a room: `events` has what comes after `since`, in order and without a hole.
        Without `since` it begins at the head. A room that is open stays as it is."""
        self._check_alive()
        return await asyncio.shield(self._stay.rooms.follow(room, since, self._around).opened)

    def close(self, room: UUID) -> None:
        """Follow a room no longer."""
        self._stay.rooms.unfollow(room)
        self._stay.wake.set()

    def position(self, room: UUID) -> int | None:
        """The seq of the last event of an open room that went to `events`."""
        return self._stay.rooms.position(room)

    async def events(self) -> AsyncIterator[Item]:
        """For one reader. Ends when the client is closed; raises Ended if the server ended it."""
        while True:
            try:
                item = await self._feed.get()
            except Closed:
                return
            yield item

    # Sending.

    def send(
        self, room: UUID, text: str, *, reply_to: int | None = None, nonce: str | None = None
    ) -> "asyncio.Future[Ack]":
        """Takes the message at once; the future has the ack when it is committed.

        The message goes out in the order of its room, however often the connection is lost, and
        giving up the future does not take it back. The future raises Refused if the server will
        never take it. Raises Refused (invalid) or OutboxFull, and the message is not taken.
        """
        self._check_alive()
        try:
            frame = SendMessage(
                room=room, nonce=nonce or str(uuid4()), text=text, reply_to=reply_to
            )
        except ValidationError as error:
            why = invalid_from_pydantic(error.errors())
            raise Refused(ErrorCode.INVALID, why.detail) from None
        answer = self._stay.outbox.add(frame)
        self._stay.wake.set()
        return answer

    async def mark_read(self, room: UUID, seq: int) -> int:
        """Returns the read marker as it is then; it never goes back."""
        self._check_alive()
        answer = self._stay.outbox.add(MarkRead(room=room, seq=seq))
        self._stay.wake.set()
        return (await asyncio.shield(answer)).seq

    async def drain(self) -> None:
        """Until everything that was sent has its answer. Raises Ended if some has none."""
        await self._stay.outbox.empty.wait()
        if self._ended:
            raise self._ended

    # The inside.

    async def _connect(self) -> UserOut:
        if self._run:
            raise RuntimeError("This client has a session already.")
        self._run = asyncio.create_task(self._keep_connected())
        welcome = await asyncio.shield(self._stay.first)
        self.people.learn(welcome.user)
        return welcome.user

    async def _keep_connected(self) -> None:
        why: ClientError = Closed("The client was closed.")
        try:
            async with asyncio.TaskGroup() as self._tasks:
                why = await self._stay.run()
                self._stay.rooms.end(why)
        except Exception as defect:
            why = Ended(f"The client failed: {defect!r}")
            raise
        finally:
            self._end(why)

    async def _stop(self) -> None:
        """A defect of the client shows here, if it has not before."""
        if self._run is None:
            return
        self._run.cancel()
        await asyncio.wait([self._run])
        if not self._run.cancelled():
            self._run.result()

    def _end(self, why: ClientError) -> None:
        self._ended = why
        self._stay.end(why)
        self._feed.end(why)

    def _check_alive(self) -> None:
        if self._ended:
            raise self._ended
        if self._run is None:
            raise Refused(ErrorCode.UNAUTHENTICATED, "Log in first.")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        assert self._tasks, "rooms hear nothing before there is a connection"
        return self._tasks.create_task(work)

    def _advance(self) -> None:
        self._stay.rooms.advance()
