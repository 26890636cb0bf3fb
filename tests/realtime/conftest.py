"""Servers and people for the socket's tests. Servers are shared; rooms and people are each test's.

A test that needs other settings, or breaks something, asks for `start`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.realtime.connection.room_list import COMMIT_OVERLAP
from app.settings import Settings
from testkit.processes import ServerProcess, run_process
from testkit.server import (
    BACKENDS,
    TestServer,
    fast_settings,
    new_cluster_settings,
    new_embedded_settings,
    run_server,
)
from testkit.servers.backend import Backend, override
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer
from tests.realtime.dedicated_server import DedicatedServer, run_server_without_pauses


@pytest.fixture(scope="session")
async def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServer]:
    async with (
        new_embedded_settings(tmp_path_factory.mktemp("embedded")) as settings,
        run_server(fast_settings(settings)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
async def cluster_settings(
    mariadb: MariaDb, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Settings]:
    """One MariaDB and one Redis for any number of processes."""
    directory = tmp_path_factory.mktemp("cluster")
    async with new_cluster_settings(mariadb, redis_server, directory) as settings:
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


@pytest.fixture
def no_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rooms that were created a moment ago count as old."""
    monkeypatch.setattr("app.realtime.connection.room_list.COMMIT_OVERLAP", COMMIT_OVERLAP * 0)


@pytest.fixture
async def start(backend: Backend) -> AsyncIterator[Callable[..., Awaitable[DedicatedServer]]]:
    """`await start(limits={…})`: a server on a database of this test's own."""
    async with AsyncExitStack() as stack:

        async def run(**groups: Mapping[str, Any]) -> DedicatedServer:
            settings = override(fast_settings(backend.settings), **groups)
            running = await stack.enter_async_context(run_server_without_pauses(settings))
            return DedicatedServer(running, await stack.enter_async_context(running.client()))

        yield run


# Not in the conftest above: a session has one value of a fixture, which would be the first suite's.
@pytest.fixture(scope="session", params=BACKENDS)
def server(request: pytest.FixtureRequest) -> TestServer:
    """`embedded_server` and `cluster_server` of this suite."""
    server: TestServer = request.getfixturevalue(f"{request.param}_server")
    return server
