"""What a lost connection to Redis looks like to callers."""

import asyncio

import pytest
import redis.asyncio as redis
import uvloop
from redis.exceptions import ConnectionError as RedisConnectionError

from app.redis_client import connect
from app.settings import Redis


async def write_after_reset(client: redis.Redis) -> None:
    connection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    await connection.connect()
    connection._writer.transport.abort()
    await asyncio.sleep(0)
    await connection.send_command("PING")


async def test_a_write_after_a_reset_is_a_lost_connection(settings: Redis) -> None:
    """Found by the fault runs: a process whose connection was reset failed to stop."""

    async def write() -> None:
        await write_after_reset(connect(settings))

    with pytest.raises(RedisConnectionError):
        await asyncio.to_thread(uvloop.run, write())


async def test_redis_py_still_passes_on_an_error_of_the_event_loop(settings: Redis) -> None:
    """Otherwise `redis_client.py` need not translate it."""

    async def write() -> None:
        await write_after_reset(redis.Redis.from_url(settings.url))

    with pytest.raises(RuntimeError, match="the handler is closed"):
        await asyncio.to_thread(uvloop.run, write())
