"""Servers and people for the socket's tests. Servers are shared; rooms and people are each test's.

A test that needs other settings, or breaks something, asks for `start`.
"""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
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
from app.server.uvicorn_server import ChatServer
from app.settings import Settings
from app.users.sessions import open_session
from app.wire.domain import RoomKind
from app.wire.schemas.rooms import CreateRoom
from testkit.peer import Peers
from testkit.people import Person
from testkit.processes import ServerProcess, run_process
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend, make_settings, migrate, override, unique_name
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer
from testkit.waiting import eventually


def fast_settings(settings: Settings) -> Settings:
    """No limit that a test reaches by chance, and short waits where the product waits. Nothing is
    found by the clock: that would repair what a test has broken, or hide that the bus did not tell
    of it (test_change_poller.py is about that)."""
    return override(
        without_limits(settings),
        limits={
            "frames_per_minute": 6e6,
            "frames_burst": 100_000,
            "sockets_unauthenticated_per_address": 1000,
        },
        realtime={
            "badge_interval_ms": 50,
            "gap_repair_delay_ms": 30,
            "change_poll_interval_ms": 3_600_000,
            "session_check_interval_s": 3600,
        },
    )


def realtime_of(running: TestServer) -> Realtime:
    realtime = running.server.lifespan.state["realtime"]
    assert isinstance(realtime, Realtime)
    return realtime


def hub_of(running: TestServer) -> Hub:
    return realtime_of(running).hub


def slow_network(running: TestServer) -> None:
    """The kernel takes only a few kilobytes at once for each socket from now on."""
    listener = running.server.servers[0].sockets[0]
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


async def new_session(running: TestServer, person: Person) -> Person:
    """The same person, in another session."""
    context = running.context
    login = await context.database.transact(
        open_session, UUID(person.id), None, "tests", "127.0.0.1", context.settings.auth, 100
    )
    access = context.tokens.sign(login.claims, now(), now() + context.access_lifetime)
    return replace(
        person, access=access, refresh=login.refresh_token, session=str(login.claims.session)
    )


@pytest.fixture(scope="session")
async def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServer]:
    directory = tmp_path_factory.mktemp("embedded")
    settings = make_settings(directory, database=f"sqlite:///{directory / 'chat.db'}")
    await migrate(settings)
    async with run_server(fast_settings(settings)) as server:
        yield server


@pytest.fixture(scope="session")
async def cluster_settings(
    mariadb: MariaDb, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Settings]:
    """One MariaDB and one Redis, for as many processes as a test wants."""
    async with mariadb.database(unique_name()) as url:
        settings = make_settings(
            tmp_path_factory.mktemp("cluster"), database=url, redis=redis_server.url
        )
        await migrate(settings)
        yield fast_settings(settings)


@pytest.fixture(scope="session")
async def cluster_server(cluster_settings: Settings) -> AsyncIterator[TestServer]:
    async with run_server(cluster_settings) as server:
        yield server


@pytest.fixture(scope="session")
async def process_a(
    cluster_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    """A process of its own."""
    async with run_process(cluster_settings, tmp_path_factory.mktemp("process_a")) as process:
        yield process


@pytest.fixture(scope="session")
async def process_b(
    cluster_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    """Another process, on the same MariaDB and Redis."""
    async with run_process(cluster_settings, tmp_path_factory.mktemp("process_b")) as process:
        yield process


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("embedded", marks=pytest.mark.embedded),
        pytest.param("cluster", marks=pytest.mark.cluster),
    ],
)
def server(request: pytest.FixtureRequest) -> TestServer:
    found: TestServer = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture(scope="session")
async def http(server: TestServer) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as client:
        yield client


@pytest.fixture
async def ada(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.person(http, "ada")


@pytest.fixture
async def bob(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.person(http, "bob")


@pytest.fixture
async def eve(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.person(http, "eve")


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    async with Peers() as peers:
        yield peers


class StartServer(Protocol):
    def __call__(self, **groups: Mapping[str, Any]) -> Awaitable["DedicatedServer"]: ...


Watch = Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]]


class DedicatedServer:
    """A server of one test's own, with a client."""

    def __init__(self, running: TestServer, http: httpx.AsyncClient) -> None:
        self.running, self.http = running, http
        self.url = running.url

    @property
    def realtime(self) -> Realtime:
        return realtime_of(self.running)

    @property
    def hub(self) -> Hub:
        return self.realtime.hub

    def redirect_bus(self, hear: Callable[[Publication], object]) -> None:
        """From now on the bus speaks to this instead of the hub."""
        bus = self.running.context.bus
        assert isinstance(bus, MemoryBus | RedisBus)
        bus._hear[:] = [lambda publication: (hear(publication), None)[1]]

    @property
    def hear(self) -> Callable[[Publication], None]:
        """What the bus calls, unless `redirect_bus` came between."""
        return self.realtime.delivery.on_publication

    def wrap_reads(self, monkeypatch: pytest.MonkeyPatch, watch: Watch) -> None:
        """`watch(name of the query, run)` is called instead of each read of the database, and
        returns what `await run()` does, or something else."""
        database = self.running.context.database
        read = database.read

        async def watched(query: Any, *args: Any) -> Any:
            return await watch(query.__name__, lambda: read(query, *args))

        monkeypatch.setattr(database, "read", watched)

    async def person(self, name: str = "ada") -> Person:
        return await self.running.person(self.http, name)

    async def rooms(self, owner: Person, count: int, **fields: Any) -> list[str]:
        """Many rooms: one as the product makes it, and copies of its rows, which take a tenth of
        the time."""
        actor = Actor(UUID(owner.id), UUID(owner.session), is_admin=False, expires_at=now())
        spec = CreateRoom(kind=RoomKind.PUBLIC, name="One of many", **fields)
        database = self.running.context.database
        created = await database.transact(create_room, actor, spec, 10_000)
        first = created.view.room.id
        copies = [new_id() for _ in range(count - 1)]
        async with database._engines.write.begin() as connection:
            for table in Base.metadata.sorted_tables:
                key = "id" if table.name == "rooms" else "room_id"
                if key not in table.c:
                    continue
                found = await connection.execute(select(table).where(table.c[key] == first))
                rows = [dict(row) | {key: copy} for row in found.mappings() for copy in copies]
                if rows:
                    await connection.execute(insert(table), rows)
        return [str(room) for room in (first, *copies)]

    async def socket_of(self, person: Person, follows: int) -> Connection:
        """The server's end of the person's socket, once so many rooms are open on it."""
        of_person = self.hub.by_user[UUID(person.id)]
        await eventually(lambda: of_person and len(of_person[0].subscriptions) == follows)
        return of_person[0]


@asynccontextmanager
async def run_server_without_pauses(settings: Settings) -> AsyncIterator[TestServer]:
    """Like `run_server`, without uvicorn's pauses at the end, which test_stopping.py is about."""
    server = ChatServer(override(settings, server={"port": 0}))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup()
    await server.on_tick(0)
    try:
        yield TestServer(server, settings)
    finally:
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        await eventually(lambda: not server.server_state.tasks)
        await server.lifespan.shutdown()


@pytest.fixture
async def start(backend: Backend) -> AsyncIterator[Callable[..., Awaitable[DedicatedServer]]]:
    """`await start(limits={…})`: a server on a database of this test's own."""
    async with AsyncExitStack() as stack:

        async def run(**groups: Mapping[str, Any]) -> DedicatedServer:
            settings = override(fast_settings(backend.settings), **groups)
            running = await stack.enter_async_context(run_server_without_pauses(settings))
            return DedicatedServer(running, await stack.enter_async_context(running.client()))

        yield run
