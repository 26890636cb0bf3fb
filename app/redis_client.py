"""Redis clients with short timeouts that never reconnect silently."""

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
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
    return client


def describe_error(error: BaseException) -> str:
    """Type and message: redis-py's `repr` has no message, and a timeout's message is empty."""
    return f"{type(error).__name__}: {error}"


def is_unreachable(error: Exception) -> bool:
    """Whether Redis or the network failed. For a write after a reset uvloop raises RuntimeError."""
    return isinstance(error, UNREACHABLE) or (
        isinstance(error, RuntimeError) and CLOSED_HANDLE in str(error)
    )
