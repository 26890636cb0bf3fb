"""A running server on each backend; its own job does nothing."""

from collections.abc import AsyncIterator

import httpx
import pytest

from testkit.people import Person
from testkit.server import HOUR_MS, TestServer, run_server, without_limits
from testkit.servers.backend import Backend


@pytest.fixture
async def server(backend: Backend) -> AsyncIterator[TestServer]:
    settings = backend.override(scheduling={"interval_ms": HOUR_MS})
    async with run_server(without_limits(settings)) as server:
        yield server


@pytest.fixture
async def ada(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.person(http, "ada")
