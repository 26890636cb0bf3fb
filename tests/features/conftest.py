"""A running server on each backend. It is shared: what a test makes has names of its own.

A test that needs other settings, or a server of its own to break, asks for `backend` and starts one
with `run_server`.
"""

from collections.abc import AsyncIterator

import httpx
import pytest

from testkit.people import Person
from testkit.server import BACKENDS, TestServer, cluster_server_of, embedded_server_of
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer


@pytest.fixture(scope="session")
async def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServer]:
    async with embedded_server_of(tmp_path_factory.mktemp("embedded")) as server:
        yield server


@pytest.fixture(scope="session")
async def cluster_server(
    mariadb: MariaDb, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestServer]:
    directory = tmp_path_factory.mktemp("cluster")
    async with cluster_server_of(mariadb, redis_server, directory) as server:
        yield server


@pytest.fixture(scope="session", params=BACKENDS)
def server(request: pytest.FixtureRequest) -> TestServer:
    found: TestServer = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture
async def http(server: TestServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is nobody."""
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
    """Somebody else."""
    return await server.person(http, "eve")
