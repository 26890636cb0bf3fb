"""Buses; each is that of one process."""

from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis as Client

from app.bus.base import Bus
from app.bus.memory import MemoryBus
from app.bus.redis import RedisBus
from app.settings import Redis
from testkit.servers.backend import unique_name
from testkit.servers.redis import RedisServer


@pytest.fixture
def timeout_s() -> float:
    """Longer than a slow machine needs. `breaks_redis` shortens it."""
    return 60.0


@pytest.fixture
def settings(redis_server: RedisServer, timeout_s: float) -> Redis:
    return Redis(url=redis_server.url, prefix=unique_name(), timeout_s=timeout_s)


@pytest.fixture
async def raw(settings: Redis) -> AsyncIterator[Client]:
    """A Redis client of another program."""
    async with Client.from_url(settings.url) as client:
        yield client


@pytest.fixture(
    params=[
        pytest.param("memory", marks=pytest.mark.embedded),
        pytest.param("redis", marks=pytest.mark.cluster),
    ]
)
def make_bus(request: pytest.FixtureRequest) -> Callable[[], Bus]:
    if request.param == "memory":
        return MemoryBus
    settings: Redis = request.getfixturevalue("settings")
    return lambda: RedisBus(settings)


@pytest.fixture
def bus(settings: Redis) -> RedisBus:
    return RedisBus(settings)


@pytest.fixture
def other(settings: Redis) -> RedisBus:
    """The bus of another process."""
    return RedisBus(settings)
