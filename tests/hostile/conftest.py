"""A server for nobody but one test module: nothing that it does by the clock comes between."""

from collections.abc import AsyncIterator

import httpx
import pytest

from testkit.people import Person
from testkit.server import BACKENDS, NO_POLLING, TestServer, run_server
from testkit.servers.backend import make_settings, migrate, override, unique_name
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer
from tests.realtime.conftest import fast_settings


@pytest.fixture(scope="module")
async def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServer]:
    directory = tmp_path_factory.mktemp("hostile")
    settings = make_settings(directory, database=f"sqlite:///{directory / 'chat.db'}")
    await migrate(settings)
    async with run_server(override(fast_settings(settings), **NO_POLLING)) as server:
        yield server


@pytest.fixture(scope="module")
async def cluster_server(
    mariadb: MariaDb, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestServer]:
    directory = tmp_path_factory.mktemp("hostile")
    async with mariadb.database(unique_name()) as url:
        settings = make_settings(directory, database=url, redis=redis_server.url)
        await migrate(settings)
        async with run_server(override(fast_settings(settings), **NO_POLLING)) as server:
            yield server


@pytest.fixture(scope="module", params=BACKENDS)
def server(request: pytest.FixtureRequest) -> TestServer:
    found: TestServer = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture
async def http(server: TestServer) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as client:
        yield client


@pytest.fixture
async def ada(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.person(http, "ada")


@pytest.fixture
async def bob(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.person(http, "bob")
