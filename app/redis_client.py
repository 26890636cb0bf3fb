"""How this program talks to Redis: with short timeouts, and with nothing that reconnects unseen."""

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.settings import Redis

UNREACHABLE = (RedisError, OSError)  # TimeoutError is an OSError
CLOSED_HANDLE = "the handler is closed"


def connect(settings: Redis) -> redis.Redis:
    """A client, not connected yet. With no error to retry on, redis-py never repeats a command on a
    new connection: who asks learns that the old one was lost.

    RESP2: pub/sub on its own connection needs no more, and with RESP3 redis-py formats each message
    for a debug log and asks every server for maintenance notifications.
    """
    client: redis.Redis = redis.Redis.from_url(
        settings.url,
        protocol=2,
        retry=Retry(NoBackoff(), 0, supported_errors=()),
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
    )
    return client


def describe(error: BaseException) -> str:
    """redis-py's `repr` leaves the message out, and a timeout has none."""
    return f"{type(error).__name__}: {error}"


def is_unreachable(error: Exception) -> bool:
    """Redis is gone, or the way to it. A write after a reset is a bare RuntimeError of uvloop."""
    return isinstance(error, UNREACHABLE) or (
        isinstance(error, RuntimeError) and CLOSED_HANDLE in str(error)
    )
