"""A server that belongs to one test, which may break it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from uuid import UUID

import httpx
import pytest
from sqlalchemy import insert, select

from app.bus.memory import MemoryBus
from app.bus.redis import RedisBus
from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.core.publications import Publication
from app.persistence.tables import Base
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.service import Realtime
from app.rooms.service import create_room
from app.settings import Settings
from app.wire.domain import RoomKind
from app.wire.schemas.rooms import CreateRoom
from testkit.people import Person
from testkit.server import TestServer, run_server
from testkit.waiting import eventually


class StartServer(Protocol):
    def __call__(self, **groups: Mapping[str, Any]) -> Awaitable["DedicatedServer"]: ...


Watch = Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]


class DedicatedServer:
    """The server and a client. Its bus and its database can be intercepted."""

    def __init__(self, running: TestServer, http: httpx.AsyncClient) -> None:
        self.running, self.http = running, http
        self.url = running.url

    @property
    def realtime(self) -> Realtime:
        return self.running.realtime

    @property
    def hub(self) -> Hub:
        return self.running.hub

    def redirect_bus(self, hear: Callable[[Publication], object]) -> None:
        """From now on the bus calls this instead of the hub."""
        bus = self.running.context.bus
        assert isinstance(bus, MemoryBus | RedisBus)
        bus._on_publication[:] = [lambda publication: (hear(publication), None)[1]]

    @property
    def hear(self) -> Callable[[Publication], None]:
        """What the bus calls before `redirect_bus`."""
        return self.realtime.delivery.on_publication

    def wrap_reads(self, monkeypatch: pytest.MonkeyPatch, watch: Watch) -> None:
        """Call `watch(name of the query, run)` instead of each read of the database. It returns
        the result of `await run()` or one of its own."""
        database = self.running.context.database

        def watch_calls(read: Any) -> Any:
            async def watched(query: Any, *args: Any) -> Any:
                return await watch(query.__name__, lambda: read(query, *args))

            return watched

        for name in ("read", "read_directly"):
            monkeypatch.setattr(database, name, watch_calls(getattr(database, name)))

    async def person(self, name: str = "ada") -> Person:
        return await self.running.person(self.http, name)

    async def rooms(self, owner: Person, count: int, **fields: Any) -> list[str]:
        """Create one room with the program and copy its rows, which takes a tenth of the time."""
        actor = Actor(UUID(owner.id), UUID(owner.session), is_admin=False, expires_at=now())
        spec = CreateRoom(kind=RoomKind.PUBLIC, name="One of many", **fields)
        database = self.running.context.database
        created = await database.transact(create_room, actor, spec, 10_000, "everybody")
        first = created.view.id
        copies = [new_id() for _ in range(count - 1)]
        async with database._engines.write.begin() as connection:
            for table in Base.metadata.sorted_tables:
                key = "id" if table.name == "rooms" else "room_id"
                if key not in table.c or table.name == "user_events":  # these have one seq each
                    continue
                found = await connection.execute(select(table).where(table.c[key] == first))
                rows = [dict(row) | {key: copy} for row in found.mappings() for copy in copies]
                if rows:
                    await connection.execute(insert(table), rows)
        return [str(room) for room in (first, *copies)]

    async def socket_of(self, person: Person, follows: int) -> Connection:
        """The server's end of the person's socket, once `follows` rooms are open on it."""
        of_person = self.hub.by_user[UUID(person.id)]
        await eventually(lambda: of_person and len(of_person[0].subscriptions) == follows)
        return of_person[0]


class _ServerWithoutPauses(TestServer):
    """Skips the pauses of uvicorn's main loop and shutdown, which test_stopping.py tests."""

    async def start(self) -> None:
        self.uvicorn = server = self._make()
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup()
        await server.on_tick(0)
        self.port = server.port

    async def stop(self) -> None:
        for listener in self.uvicorn.servers:
            listener.close()
        for connection in list(self.uvicorn.server_state.connections):
            connection.shutdown()
        await eventually(lambda: not self.uvicorn.server_state.tasks)
        await self.uvicorn.lifespan.shutdown()


def run_server_without_pauses(settings: Settings) -> AbstractAsyncContextManager[TestServer]:
    return run_server(settings, _ServerWithoutPauses)
