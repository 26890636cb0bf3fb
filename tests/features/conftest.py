"""A running server on each backend, shared by all tests: what a test makes has names of its own.

A test that needs other settings, or a server of its own to break, starts one with `run_server`.
"""

from collections.abc import AsyncIterator

import pytest

from testkit.server import BACKENDS, TestServer, run_cluster_server, run_embedded_server
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer


@pytest.fixture(scope="session")
async def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServer]:
    async with run_embedded_server(tmp_path_factory.mktemp("embedded")) as server:
        yield server


@pytest.fixture(scope="session")
async def cluster_server(
    mariadb: MariaDb, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestServer]:
    directory = tmp_path_factory.mktemp("cluster")
    async with run_cluster_server(mariadb, redis_server, directory) as server:
        yield server


# Not in the conftest above: a session has one value of a fixture, which would be the first suite's.
@pytest.fixture(scope="session", params=BACKENDS)
def server(request: pytest.FixtureRequest) -> TestServer:
    """`embedded_server` and `cluster_server` of this suite."""
    server: TestServer = request.getfixturevalue(f"{request.param}_server")
    return server
