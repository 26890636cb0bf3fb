"""A real server that keeps its address when it is stopped and started again, and clients of it."""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import structlog

from app.client.backoff import Backoff
from app.client.chat import ChatClient
from app.client.errors import Ended
from app.realtime.hub.hub import Hub
from app.realtime.service import Realtime
from app.server.uvicorn_server import ChatServer
from app.settings import Settings
from app.wire.events import MessageCreated, RoomEvent
from app.wire.frames import Ack
from app.wire.schemas.users import Register, UserOut
from testkit.server import LOG, without_limits
from testkit.servers.backend import override
from testkit.waiting import eventually

PASSWORD = "correct horse"
_numbers = itertools.count(1)


class Host:
    def __init__(self, settings: Settings) -> None:
        frames = {"frames_per_minute": 1e6, "frames_burst": 100_000}
        self.settings = override(without_limits(settings), server={"port": 0}, limits=frames)

    @property
    def url(self) -> str:
        scheme = "https" if self.settings.server.tls_certificate else "http"
        return f"{scheme}://127.0.0.1:{self.settings.server.port}"

    @property
    def hub(self) -> Hub:
        realtime = self._server.lifespan.state["realtime"]
        assert isinstance(realtime, Realtime)
        return realtime.hub

    async def start(self) -> None:
        structlog.configure(processors=LOG)
        self._server = ChatServer(self.settings)
        self._task = asyncio.create_task(self._server._serve())  # Ctrl-C stays pytest's
        await eventually(lambda: self._server.started or self._task.done())
        self.settings = override(self.settings, server={"port": self._server.port})

    async def stop(self) -> None:
        self._server.should_exit = True
        await self._task

    def cut(self) -> None:
        """Every socket, in the middle of whatever is going on."""
        for socket in self.hub.connections:
            socket._writer.abort()


@asynccontextmanager
async def hosting(settings: Settings, **groups: Mapping[str, Any]) -> AsyncIterator[Host]:
    host = Host(settings)
    host.settings = override(host.settings, **groups)
    await host.start()
    try:
        yield host
    finally:
        await host.stop()


class Guest:
    """A client with somebody who reads: `items` is everything that came, `error` how it ended."""

    def __init__(self, chat: ChatClient, user: UserOut) -> None:
        self.chat, self.user = chat, user
        self.items: list[Any] = []
        self.error: Ended | None = None

    async def read(self) -> None:
        try:
            async for item in self.chat.events():
                self.items.append(item)
        except Ended as ended:
            self.error = ended

    def say(self, room: UUID, *texts: str) -> "asyncio.Future[Ack]":
        """The answer to the last one."""
        return [self.chat.send(room, text) for text in texts][-1]

    def events(self, room: UUID) -> list[RoomEvent]:
        return [i for i in self.items if isinstance(i, RoomEvent) and i.room == room]

    def texts(self, room: UUID) -> list[str]:
        return [e.message.text for e in self.events(room) if isinstance(e, MessageCreated)]

    async def has(self, room: UUID, seq: int) -> None:
        """Until the event has come."""
        await eventually(lambda: any(event.seq >= seq for event in self.events(room)))


@asynccontextmanager
async def client(host: Host, **more: Any) -> AsyncIterator[ChatClient]:
    """One that comes back fast and is nobody yet."""
    more = {"backoff": Backoff(first_s=0.05, most_s=0.2)} | more
    async with ChatClient(host.url, **more) as chat:
        yield chat


@asynccontextmanager
async def guest(
    host: Host, name: str = "ada", tls: ssl.SSLContext | None = None, **more: Any
) -> AsyncIterator[Guest]:
    """A new user, who reads."""
    username = f"{name}{next(_numbers)}"
    async with client(host, tls=tls, **more) as chat:
        account = Register(username=username, password=PASSWORD, display_name=name.title())
        await chat.api.register(account)
        guest = Guest(chat, await chat.log_in(username, PASSWORD))
        reading = asyncio.create_task(guest.read())
        try:
            yield guest
        finally:
            await chat._stop()
            await reading
