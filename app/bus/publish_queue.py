"""The publications of a process that wait to be sent to Redis."""

import asyncio
import itertools
import random
from collections import deque
from contextlib import suppress
from typing import NamedTuple

import structlog
from redis.asyncio import Redis

from app.redis_client import UNREACHABLE, describe_error

log = structlog.get_logger(__name__)

MAX_PAYLOADS = 10_000
MAX_BYTES = 32 * 1024 * 1024
MAX_PAYLOADS_BEFORE_VOLATILE = 1_000  # behind more than these, volatile payloads are dropped
PAYLOADS_PER_ROUND_TRIP = 256
RETRY_MIN_S, RETRY_MAX_S = 0.05, 2.0

Envelope = tuple[str, bytes]  # a channel and a payload


class QueuedPayload(NamedTuple):
    channel: str
    payload: bytes
    volatile: bool


class PublishQueue:
    """Sends payloads in order and at least once, except for those that it had to drop.

    A full queue drops the oldest and then also publishes `loss_notice`, so that other processes
    learn of the loss. Volatile payloads are sent at most once: a failure drops them, because they
    would be outdated later.
    """

    def __init__(self, client: Redis, loss_notice: Envelope) -> None:
        self._client, self._loss_notice = client, loss_notice
        self._payloads: deque[QueuedPayload] = deque()
        self._bytes = 0
        self._dropped = 0
        self._losses_reported = 0  # value of `_dropped` when the last notice was published
        self._payload_added, self._retry_requested = asyncio.Event(), asyncio.Event()
        self._closing = False

    def put(self, channel: str, payload: bytes, *, volatile: bool = False) -> None:
        if volatile and len(self._payloads) >= MAX_PAYLOADS_BEFORE_VOLATILE:
            return
        self._payloads.append(QueuedPayload(channel, payload, volatile))
        self._bytes += len(payload)
        while len(self._payloads) > MAX_PAYLOADS or self._bytes > MAX_BYTES:
            self._pop()
            self._dropped += 1
        self._payload_added.set()

    def retry_now(self) -> None:
        """Ends the pause after a failure, because Redis is reachable again."""
        self._retry_requested.set()

    def close(self) -> None:
        """Lets `run` return as soon as the queue is empty."""
        self._closing = True
        self._payload_added.set()
        self._retry_requested.set()

    async def run(self) -> None:
        """Publishes until `close`. There is only one such task, which keeps the order."""
        failures = 0
        while self._payloads or not self._closing:
            if not self._payloads:
                self._payload_added.clear()
                await self._payload_added.wait()
                continue
            try:
                await self._publish()
                failures = 0
                continue
            except Exception as error:
                if not isinstance(error, UNREACHABLE):
                    log.exception("bus.publish_failed")
                elif not failures:
                    log.warning(
                        "bus.publish_failed",
                        error=describe_error(error),
                        queued=len(self._payloads),
                    )
            self._drop_volatile()
            failures += 1
            await self._back_off(failures)

    async def _publish(self) -> None:
        """Publishes the first batch, which stays queued until Redis has answered. After a failure
        it is sent again, and receivers drop the duplicates."""
        batch = list(itertools.islice(self._payloads, PAYLOADS_PER_ROUND_TRIP))
        dropped = self._dropped
        pipeline = self._client.pipeline(transaction=False)
        for envelope in batch:
            pipeline.execute_command("PUBLISH", envelope.channel, envelope.payload)
        if dropped > self._losses_reported:
            pipeline.execute_command("PUBLISH", *self._loss_notice)
        for answer in await pipeline.execute(raise_on_error=False):
            if isinstance(
                answer, Exception
            ):  # an error that redis-py raised would quote the payload
                raise answer
        self._losses_reported = dropped
        evicted = self._dropped - dropped
        for _ in range(len(batch) - evicted):
            self._pop()

    async def _back_off(self, failures: int) -> None:
        self._retry_requested.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(choose_backoff_s(failures)):
                await self._retry_requested.wait()

    def _pop(self) -> None:
        self._bytes -= len(self._payloads.popleft().payload)

    def _drop_volatile(self) -> None:
        self._payloads = deque(queued for queued in self._payloads if not queued.volatile)
        self._bytes = sum(len(queued.payload) for queued in self._payloads)


def choose_backoff_s(failures: int) -> float:
    """Seconds until the next try, with full jitter, so that processes retry at different times."""
    return random.uniform(0, min(RETRY_MAX_S, RETRY_MIN_S * 2 ** min(failures, 10)))
