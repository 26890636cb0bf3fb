"""The real server, with uvicorn, in the event loop of the tests."""

import asyncio
import itertools
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog

from app.application.app_context import AppContext
from app.core.clock import now
from app.core.rate_limit import Charge, PolicyName
from app.persistence.uow import UnitOfWork
from app.realtime.hub.hub import Hub
from app.realtime.service import Realtime
from app.server.uvicorn_server import ChatServer
from app.settings import Settings
from app.users import accounts, sessions
from app.users.accounts import NewAccount
from testkit.people import Person
from testkit.servers.backend import Group, make_settings, migrate, override, unique_name
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer
from testkit.waiting import LIMIT_S, eventually

# Into pytest's captured output. Short: the default renders tracebacks with all their variables.
LOG: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
]
# Trusts nobody, which is enough for HTTP; to load all authorities takes longer than most tests.
TRUSTS_NONE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# Nothing but requests asks the database.
HOUR_MS = 3_600_000
NO_POLLING: dict[str, Group] = {
    "database": {"retention_interval_s": 86_400},
    "realtime": {
        "change_poll_interval_ms": HOUR_MS,
        "change_poll_interval_degraded_ms": HOUR_MS,
        "session_check_interval_s": 3600,
    },
    "consumers": {"enabled": False},
    "scheduling": {"interval_ms": HOUR_MS},
}
PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


class TestServer:
    """The server in the event loop of the tests. It keeps its port when it is started again."""

    __test__ = False  # no class of tests

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port = 0

    async def start(self) -> None:
        """Signals are not captured, so that Ctrl-C still ends pytest."""
        structlog.configure(processors=LOG)
        self.uvicorn = self._make()
        self._task = asyncio.create_task(self.uvicorn._serve())
        await eventually(lambda: self.uvicorn.started or self._task.done())
        if not self.uvicorn.started:
            await self._task
            raise AssertionError("the server did not start; its log says why")
        self.port = self.uvicorn.port

    def _make(self) -> ChatServer:
        return ChatServer(override(self.settings, server={"port": self.port}))

    async def stop(self) -> None:
        self.uvicorn.should_exit = True
        await self._task

    @property
    def url(self) -> str:
        scheme = "https" if self.settings.server.tls_certificate else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def realtime(self) -> Realtime:
        realtime = self.uvicorn.lifespan.state["realtime"]
        assert isinstance(realtime, Realtime)
        return realtime

    @property
    def hub(self) -> Hub:
        return self.realtime.hub

    @property
    def context(self) -> AppContext:
        context = self.uvicorn.lifespan.state["context"]
        assert isinstance(context, AppContext)
        return context

    def cut_sockets(self) -> None:
        """Abort every WebSocket connection."""
        for socket_ in self.hub.connections:
            socket_._writer.abort()

    async def forget_limits(self) -> None:
        """Reset the rate limits of this process."""
        limiter: Any = self.context.limiter
        # Answered after all that was spent is reported: the answer to a report would set it again.
        await limiter.evaluate([Charge(PolicyName.READS, "a barrier")])
        getattr(limiter, "_local", limiter).limits._arrivals.clear()

    @asynccontextmanager
    async def client(
        self, verify: ssl.SSLContext = TRUSTS_NONE
    ) -> AsyncIterator[httpx.AsyncClient]:
        """An HTTP client with its own connections and no cookies."""
        async with httpx.AsyncClient(base_url=self.url, verify=verify, timeout=LIMIT_S) as client:
            yield client

    async def people(self, http: httpx.AsyncClient, *names: str) -> list[Person]:
        """New accounts, logged in. Faster than over HTTP, which tests/features/users tests."""
        return [await self._person(http, name) for name in names]

    async def person(self, http: httpx.AsyncClient, name: str = "ada") -> Person:
        return (await self.people(http, name))[0]

    async def administrator(self, http: httpx.AsyncClient) -> Person:
        """An administrator of the server."""
        return await self._person(http, "admin", is_admin=True)

    async def _person(
        self, http: httpx.AsyncClient, name: str, *, is_admin: bool = False
    ) -> Person:
        username = unique_username(name)
        context = self.context
        password = await context.passwords.hash(PASSWORD)
        account = NewAccount(username, f"{name.title()} of {username}", password, is_admin)
        login = await context.database.transact(_register, account, context)
        return _logged_in(http, username, login, context)


async def new_session(server: TestServer, person: Person) -> Person:
    """The same person with the tokens of another session."""
    login = await server.context.database.transact(_open_session, UUID(person.id), server.context)
    return _logged_in(person.http, person.username, login, server.context)


def limit_send_buffers(server: TestServer) -> None:
    """From now on the kernel buffers only a few kilobytes for each socket of the server."""
    listener = server.uvicorn.servers[0].sockets[0]
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


def unique_username(name: str) -> str:
    """Tests share servers, so usernames have to be unique."""
    return f"{name}{next(_numbers)}"


async def _register(uow: UnitOfWork, account: NewAccount, context: AppContext) -> sessions.Login:
    user = await accounts.register(uow, account)
    await uow.flush()
    return await _open_session(uow, user.id, context)


async def _open_session(uow: UnitOfWork, user: UUID, context: AppContext) -> sessions.Login:
    return await sessions.open_session(
        uow, user, None, "tests", "127.0.0.1", context.settings.auth, max_sessions=100
    )


def _logged_in(
    http: httpx.AsyncClient, username: str, login: sessions.Login, context: AppContext
) -> Person:
    issued = now()
    return Person(
        http=http,
        id=str(login.claims.user),
        username=username,
        access=context.tokens.sign(login.claims, issued, issued + context.access_lifetime),
        refresh=login.refresh_token,
        session=str(login.claims.session),
    )


@asynccontextmanager
async def run_server(
    settings: Settings, make: Callable[[Settings], TestServer] = TestServer
) -> AsyncIterator[TestServer]:
    server = make(settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


BACKENDS = [
    pytest.param("embedded", marks=pytest.mark.embedded),
    pytest.param("cluster", marks=pytest.mark.cluster),
]
# For what takes minutes and depends little on the database: the second one in `make test-all` only.
CLUSTER_IS_LONG = [
    BACKENDS[0],
    pytest.param("cluster", marks=[pytest.mark.cluster, pytest.mark.long]),
]


@asynccontextmanager
async def new_embedded_settings(directory: Path) -> AsyncIterator[Settings]:
    """Settings of a new, migrated SQLite database."""
    settings = make_settings(directory, database=f"sqlite:///{directory / 'chat.db'}")
    await migrate(settings)
    yield settings


@asynccontextmanager
async def new_cluster_settings(
    mariadb: MariaDb, redis_server: RedisServer, directory: Path
) -> AsyncIterator[Settings]:
    """Settings of a new, migrated database in MariaDB, and a bus of its own in Redis."""
    async with mariadb.database(unique_name()) as url:
        settings = make_settings(directory, database=url, redis=redis_server.url)
        await migrate(settings)
        yield settings


@asynccontextmanager
async def run_embedded_server(directory: Path, **groups: Group) -> AsyncIterator[TestServer]:
    """A server without limits on a new SQLite database; `groups` are further settings."""
    async with (
        new_embedded_settings(directory) as settings,
        run_server(override(without_limits(settings), **groups)) as server,
    ):
        yield server


def without_limits(settings: Settings) -> Settings:
    """Limits that no test reaches by accident, however slow the machine is."""
    return override(
        settings,
        auth={
            f"{what}_{how}": 100_000
            for what in ("attempts", "account_attempts", "registrations")
            for how in ("burst", "per_hour" if what == "registrations" else "per_minute")
        },
        limits={
            "sends_per_second": 1e5,
            "sends_burst": 100_000,
            "writes_per_minute": 6e6,
            "writes_burst": 100_000,
            "reads_per_minute": 6e6,
            "reads_burst": 100_000,
        },
        server={"header_timeout_s": 60, "keep_alive_s": 3600},
        realtime={
            "hello_timeout_s": 3600,
            "idle_timeout_s": 3600,
            "max_send_delay_s": 3600,
            "send_stall_timeout_s": 3600,
        },
    )


def fast_settings(settings: Settings) -> Settings:
    """`without_limits` for sockets, too, and with short delays of delivery. Periodic repair is off:
    it would hide what a test has broken."""
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
            "change_poll_interval_ms": HOUR_MS,
            "session_check_interval_s": 3600,
        },
    )
