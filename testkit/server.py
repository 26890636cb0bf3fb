"""The real server, uvicorn and all, in the event loop of the tests."""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from app.application.app_context import Context
from app.core.clock import now
from app.persistence.uow import UnitOfWork
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
    "realtime": {
        "change_poll_interval_ms": HOUR_MS,
        "change_poll_interval_degraded_ms": HOUR_MS,
        "session_check_interval_s": 3600,
    },
    "consumers": {"enabled": False},
}
PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class TestServer:
    """A server that listens, and what it is made of."""

    __test__ = False  # no class of tests

    server: ChatServer
    settings: Settings

    @property
    def url(self) -> str:
        scheme = "https" if self.settings.server.tls_certificate else "http"
        return f"{scheme}://127.0.0.1:{self.server.port}"

    @property
    def context(self) -> Context:
        context = self.server.lifespan.state["context"]
        assert isinstance(context, Context)
        return context

    def forget_limits(self) -> None:
        """As if so much time had passed; of what this process counts."""
        limiter: Any = self.context.limiter
        getattr(limiter, "_alone", limiter).limits._arrivals.clear()

    @asynccontextmanager
    async def client(
        self, verify: ssl.SSLContext = TRUSTS_NONE
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A client of its own: with its own connections, and nothing remembered."""
        async with httpx.AsyncClient(base_url=self.url, verify=verify, timeout=LIMIT_S) as client:
            yield client

    async def people(self, http: httpx.AsyncClient, *names: str) -> list[Person]:
        """New accounts, logged in. Faster than over HTTP, which tests/features/users is about."""
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
        login = await context.database.transact(_enrol, account, context)
        issued = now()
        return Person(
            http=http,
            id=str(login.claims.user),
            username=username,
            access=context.tokens.sign(login.claims, issued, issued + context.access_lifetime),
            refresh=login.refresh_token,
            session=str(login.claims.session),
        )


def unique_username(name: str) -> str:
    """Servers are shared between tests, so names are not."""
    return f"{name}{next(_numbers)}"


async def _enrol(uow: UnitOfWork, account: NewAccount, context: Context) -> sessions.Login:
    user = await accounts.register(uow, account)
    await uow.flush()
    return await sessions.open_session(
        uow, user.id, None, "tests", "127.0.0.1", context.settings.auth, keep=100
    )


@asynccontextmanager
async def run_server(settings: Settings) -> AsyncIterator[TestServer]:
    """A server on a port of its own. Ctrl-C stays pytest's: `_serve` does not capture signals."""
    structlog.configure(processors=LOG)
    server = ChatServer(override(settings, server={"port": 0}))
    task = asyncio.create_task(server._serve())
    try:
        await eventually(lambda: server.started or task.done())
        assert server.started, "the server did not start; its log says why"
        yield TestServer(server, settings)
    finally:
        server.should_exit = True
        await task


BACKENDS = [
    pytest.param("embedded", marks=pytest.mark.embedded),
    pytest.param("cluster", marks=pytest.mark.cluster),
]


@asynccontextmanager
async def embedded_server_of(directory: Path, **groups: Group) -> AsyncIterator[TestServer]:
    """With a database of its own, and what else is given of settings."""
    settings = make_settings(directory, database=f"sqlite:///{directory / 'chat.db'}")
    await migrate(settings)
    async with run_server(override(without_limits(settings), **groups)) as server:
        yield server


@asynccontextmanager
async def cluster_server_of(
    mariadb: MariaDb, redis_server: RedisServer, directory: Path, **groups: Group
) -> AsyncIterator[TestServer]:
    """With a database of its own, and what else is given of settings."""
    async with mariadb.database(unique_name()) as url:
        settings = make_settings(directory, database=url, redis=redis_server.url)
        await migrate(settings)
        async with run_server(override(without_limits(settings), **groups)) as server:
            yield server


def without_limits(settings: Settings) -> Settings:
    """Limits that no test reaches unless it is about them, however slow the machine is."""
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
