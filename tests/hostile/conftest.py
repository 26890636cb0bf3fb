"""A server of each test module, on which nothing runs by the clock while something is measured."""

from collections.abc import AsyncIterator

import pytest

from testkit.server import (
    BACKENDS,
    NO_POLLING,
    TestServer,
    fast_settings,
    new_cluster_settings,
    new_embedded_settings,
    run_server,
)
from testkit.servers.backend import override
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer


@pytest.fixture(scope="module")
async def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServer]:
    async with (
        new_embedded_settings(tmp_path_factory.mktemp("hostile")) as settings,
        run_server(override(fast_settings(settings), **NO_POLLING)) as server,
    ):
        yield server


@pytest.fixture(scope="module")
async def cluster_server(
    mariadb: MariaDb, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestServer]:
    directory = tmp_path_factory.mktemp("hostile")
    async with (
        new_cluster_settings(mariadb, redis_server, directory) as settings,
        run_server(override(fast_settings(settings), **NO_POLLING)) as server,
    ):
        yield server


@pytest.fixture(scope="module", params=BACKENDS)
def server(request: pytest.FixtureRequest) -> TestServer:
    server: TestServer = request.getfixturevalue(f"{request.param}_server")
    return server
