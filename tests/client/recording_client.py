"""Clients of the program at a real server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from app.client.backoff import Backoff
from app.client.chat import ChatClient
from app.client.errors import ClientStopped
from app.settings import Settings
from app.wire.events import MessageCreated, RoomEvent
from app.wire.frames import Ack
from app.wire.schemas.users import Register, UserOut
from testkit.server import PASSWORD, TestServer, unique_username, without_limits
from testkit.servers.backend import Group, override
from testkit.waiting import eventually


def client_settings(settings: Settings, **groups: Group) -> Settings:
    """Settings without limits on frames; `groups` are further settings."""
    frames = {"frames_per_minute": 1e6, "frames_burst": 100_000}
    return override(override(without_limits(settings), limits=frames), **groups)


class RecordingClient:
    """A client that reads: `items` are its events, `error` is the reason why it stopped."""

    def __init__(self, chat: ChatClient, user: UserOut) -> None:
        self.chat, self.user = chat, user
        self.items: list[Any] = []
        self.error: ClientStopped | None = None

    async def read(self) -> None:
        try:
            async for item in self.chat.events():
                self.items.append(item)
        except ClientStopped as stopped:
            self.error = stopped

    def say(self, room: UUID, *texts: str) -> "asyncio.Future[Ack]":
        """Send messages and return the result of the last one."""
        return [self.chat.send(room, text) for text in texts][-1]

    def events(self, room: UUID) -> list[RoomEvent]:
        return [i for i in self.items if isinstance(i, RoomEvent) and i.room == room]

    def texts(self, room: UUID) -> list[str]:
        return [e.message.text for e in self.events(room) if isinstance(e, MessageCreated)]

    async def has(self, room: UUID, seq: int) -> None:
        """Return once the event has arrived."""
        await eventually(lambda: any(event.seq >= seq for event in self.events(room)))


@asynccontextmanager
async def open_client(server: TestServer, **options: Any) -> AsyncIterator[ChatClient]:
    """A client that reconnects fast and is not logged in."""
    options = {"backoff": Backoff(initial_s=0.05, max_s=0.2)} | options
    async with ChatClient(server.url, **options) as chat:
        yield chat


@asynccontextmanager
async def run_client(
    server: TestServer, name: str = "ada", tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[RecordingClient]:
    """A client of a new user that is logged in and reads."""
    username = unique_username(name)
    async with open_client(server, tls=tls, **options) as chat:
        account = Register(username=username, password=PASSWORD, display_name=name.title())
        await chat.api.register(account)
        client = RecordingClient(chat, await chat.log_in(username, PASSWORD))
        reading = asyncio.create_task(client.read())
        try:
            yield client
        finally:
            await chat._stop()
            await reading
