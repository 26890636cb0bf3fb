"""Redis clients with short timeouts that never reconnect silently."""

from typing import Any

import redis.asyncio as redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from app.settings import Redis

UNREACHABLE = (RedisError, OSError)  # TimeoutError is an OSError
CLOSED_HANDLE = "the handler is closed"


def connect(settings: Redis) -> redis.Redis:
    """A client, not connected yet. It never repeats a command on a new connection, so the caller
    learns that the old connection was lost.

    It uses RESP2: with RESP3 redis-py formats each message for a debug log and asks every server
    for maintenance notifications, and pub/sub on its own connection does not need it.
    """
    client: redis.Redis = redis.Redis.from_url(
        settings.url,
        protocol=2,
        retry=Retry(NoBackoff(), 0, supported_errors=()),
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
    )
    pool = client.connection_pool
    pool.connection_class = _with_reset_reported(pool.connection_class)
    return client


def describe_error(error: BaseException) -> str:
    """Type and message: redis-py's `repr` has no message, and a timeout's message is empty."""
    return f"{type(error).__name__}: {error}"


def _with_reset_reported(connection: type[AbstractConnection]) -> type[AbstractConnection]:
    """For a write after a reset uvloop raises RuntimeError, which redis-py passes on: nothing that
    a caller would take for a lost server."""

    class Connection(connection):  # type: ignore[valid-type, misc]
        async def send_packed_command(self, *args: Any, **kwargs: Any) -> None:
            try:
                await super().send_packed_command(*args, **kwargs)
            except RuntimeError as error:
                if CLOSED_HANDLE not in str(error):
                    raise
                raise RedisConnectionError("The connection was reset.") from error

    return Connection
