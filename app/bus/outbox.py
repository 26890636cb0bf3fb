"""What a process has announced, on its way to Redis."""

import asyncio
import itertools
import random
from collections import deque
from contextlib import suppress

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

WAITING = 10_000  # payloads
WAITING_BYTES = 32 * 1024 * 1024
BATCH = 256  # payloads in one round trip
RETRY_MIN_S, RETRY_MAX_S = 0.05, 2.0
UNREACHABLE = (RedisError, OSError)  # TimeoutError is an OSError
CLOSED_HANDLE = "the handler is closed"

Envelope = tuple[str, bytes]  # a channel, and what is published there


class Outbox:
    """Sends in the order in which it was filled, at least once, except what had to give way.

    Bounded: the oldest give way. Then `apology` is published, too, so that the others hear of it.
    """

    def __init__(self, client: Redis, apology: Envelope) -> None:
        self._client, self._apology = client, apology
        self._waiting: deque[Envelope] = deque()
        self._bytes = 0
        self._dropped = 0
        self._apologised = 0  # for how many of those that were dropped
        self._filled, self._hurried = asyncio.Event(), asyncio.Event()
        self._closing = False

    def put(self, channel: str, payload: bytes) -> None:
        self._waiting.append((channel, payload))
        self._bytes += len(payload)
        while len(self._waiting) > WAITING or self._bytes > WAITING_BYTES:
            self._pop()
            self._dropped += 1
        self._filled.set()

    def hurry(self) -> None:
        """Redis answers: do not sit out the pause after a failure."""
        self._hurried.set()

    def close(self) -> None:
        """`run` returns as soon as nothing waits."""
        self._closing = True
        self._filled.set()
        self._hurried.set()

    async def run(self) -> None:
        """The only one who publishes, so that what belongs to a topic keeps its order."""
        failures = 0
        while self._waiting or not self._closing:
            if not self._waiting:
                self._filled.clear()
                await self._filled.wait()
                continue
            try:
                await self._publish()
                failures = 0
                continue
            except Exception as error:
                if not is_unreachable(error):
                    log.exception("bus.not_sent")
                elif not failures:
                    log.warning("bus.not_sent", error=describe(error), waiting=len(self._waiting))
            failures += 1
            await self._rest(failures)

    async def _publish(self) -> None:
        """The first of what waits. It stays until Redis has answered: after a failure it goes again
        in its place, and those who have had it drop it."""
        batch = list(itertools.islice(self._waiting, BATCH))
        dropped = self._dropped
        pipeline = self._client.pipeline(transaction=False)
        for envelope in batch:
            pipeline.execute_command("PUBLISH", *envelope)
        if dropped > self._apologised:
            pipeline.execute_command("PUBLISH", *self._apology)
        for answer in await pipeline.execute(raise_on_error=False):
            if isinstance(answer, Exception):  # what redis-py raises would quote the message
                raise answer
        self._apologised = dropped
        gave_way = self._dropped - dropped
        for _ in range(len(batch) - gave_way):
            self._pop()

    async def _rest(self, failures: int) -> None:
        self._hurried.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(pause(failures)):
                await self._hurried.wait()

    def _pop(self) -> None:
        self._bytes -= len(self._waiting.popleft()[1])


def is_unreachable(error: Exception) -> bool:
    """Redis is gone, or the way to it. A write after a reset is a bare RuntimeError of uvloop."""
    return isinstance(error, UNREACHABLE) or (
        isinstance(error, RuntimeError) and CLOSED_HANDLE in str(error)
    )


def pause(failures: int) -> float:
    """Seconds until the next try, with full jitter: processes must not come back all at once."""
    return random.uniform(0, min(RETRY_MAX_S, RETRY_MIN_S * 2 ** min(failures, 10)))


def describe(error: BaseException) -> str:
    """redis-py's `repr` leaves the message out, and a timeout has none."""
    return f"{type(error).__name__}: {error}"
