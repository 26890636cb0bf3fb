"""What a process has announced or whispered, on its way to Redis."""

import asyncio
import itertools
import random
from collections import deque
from contextlib import suppress
from typing import NamedTuple

import structlog
from redis.asyncio import Redis

from app.redis_client import describe, is_unreachable

log = structlog.get_logger(__name__)

WAITING = 10_000  # payloads
WAITING_BYTES = 32 * 1024 * 1024
CROWDED = 1_000  # so many wait that nothing fleeting is taken
BATCH = 256  # payloads in one round trip
RETRY_MIN_S, RETRY_MAX_S = 0.05, 2.0

Envelope = tuple[str, bytes]  # a channel, and what is published there


class Waiting(NamedTuple):
    channel: str
    payload: bytes
    fleeting: bool


class Outbox:
    """Sends in the order in which it was filled, at least once, except what had to give way.

    Bounded: the oldest give way. Then `apology` is published, too, so that the others hear of it.
    What is fleeting goes at most once: a failure throws it away, because later it would be false.
    """

    def __init__(self, client: Redis, apology: Envelope) -> None:
        self._client, self._apology = client, apology
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0
        self._dropped = 0
        self._apologised = 0  # for how many of those that were dropped
        self._filled, self._hurried = asyncio.Event(), asyncio.Event()
        self._closing = False

    def put(self, channel: str, payload: bytes, *, fleeting: bool = False) -> None:
        if fleeting and len(self._waiting) >= CROWDED:
            return
        self._waiting.append(Waiting(channel, payload, fleeting))
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
            self._forget_fleeting()
            failures += 1
            await self._rest(failures)

    async def _publish(self) -> None:
        """The first of what waits. It stays until Redis has answered: after a failure it goes again
        in its place, and those who have had it drop it."""
        batch = list(itertools.islice(self._waiting, BATCH))
        dropped = self._dropped
        pipeline = self._client.pipeline(transaction=False)
        for envelope in batch:
            pipeline.execute_command("PUBLISH", envelope.channel, envelope.payload)
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
        self._bytes -= len(self._waiting.popleft().payload)

    def _forget_fleeting(self) -> None:
        self._waiting = deque(one for one in self._waiting if not one.fleeting)
        self._bytes = sum(len(one.payload) for one in self._waiting)


def pause(failures: int) -> float:
    """Seconds until the next try, with full jitter: processes must not come back all at once."""
    return random.uniform(0, min(RETRY_MAX_S, RETRY_MIN_S * 2 ** min(failures, 10)))
