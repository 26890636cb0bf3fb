"""Servers on each backend that the tests of a suite or a module share."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Literal

import pytest

from app.settings import Settings
from testkit.server import (
    BACKENDS,
    TestServer,
    new_cluster_settings,
    new_embedded_settings,
    run_server,
    without_limits,
)
from testkit.servers.backend import Group, override
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer


def server_fixtures(
    scope: Literal["module", "session"],
    adapt: Callable[[Settings], Settings] = without_limits,
    /,
    **groups: Group,
) -> tuple[Any, Any, Any]:
    """The fixtures `embedded_server`, `cluster_server`, and `server`, which is each of the two in
    turn. They are assigned to these names. `groups` are further settings."""

    @pytest.fixture(scope=scope)
    async def embedded_server(
        tmp_path_factory: pytest.TempPathFactory,
    ) -> AsyncIterator[TestServer]:
        directory = tmp_path_factory.mktemp("embedded")
        async with (
            new_embedded_settings(directory) as settings,
            run_server(override(adapt(settings), **groups)) as running,
        ):
            yield running

    @pytest.fixture(scope=scope)
    async def cluster_server(
        mariadb: MariaDb, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
    ) -> AsyncIterator[TestServer]:
        directory = tmp_path_factory.mktemp("cluster")
        async with (
            new_cluster_settings(mariadb, redis_server, directory) as settings,
            run_server(override(adapt(settings), **groups)) as running,
        ):
            yield running

    return embedded_server, cluster_server, shared_server(scope)


def shared_server(scope: Literal["module", "session"], params: Sequence[Any] = BACKENDS) -> Any:
    """The fixture `server`: each of the servers of `server_fixtures` in turn."""

    @pytest.fixture(scope=scope, params=params)
    def server(request: pytest.FixtureRequest) -> TestServer:
        running: TestServer = request.getfixturevalue(f"{request.param}_server")
        return running

    return server
