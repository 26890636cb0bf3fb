"""The bus of many processes, over Redis pub/sub.

Every process subscribes to all partitions. Redis forgets at once what it has passed on, so whatever
is published while a subscription is down is gone. This module therefore knows one thing well: when
something may have been lost. It then says so (`doubt`), and readers ask the log.

Each subscription is made anew and ends with its connection. redis-py could reconnect and subscribe
again by itself, but then nobody would learn that something was missed.
"""

import asyncio
import itertools
import random
import secrets
from collections import deque
from collections.abc import Sequence
from typing import Any

import redis.asyncio as redis
import structlog
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.bus import codec
from app.bus.base import Doubt, Hear
from app.core.events import Announcement
from app.settings import Redis

log = structlog.get_logger(__name__)

WAITING = 10_000  # pokes that have not reached Redis
WAITING_BYTES = 32 * 1024 * 1024
BATCH = 256  # pokes in one round trip
BEACON_EVERY_S = 1.0
BEACON_LATE_S = 2.0  # with the second before it was sent: three seconds of silence
POLL_S = 0.5
RETRY_MIN_S, RETRY_MAX_S = 0.05, 2.0
FLUSH_S = 1.0
REPORT_EVERY_S = 60.0
UNREACHABLE = (RedisError, OSError)  # OSError includes TimeoutError


class LinkLost(Exception):
    """The connection stands and nothing comes: the server, or the way to it, is frozen."""


class Outbox:
    """What waits for Redis, the oldest first. Bounded: the oldest gives way, and is counted."""

    def __init__(self, most: int = WAITING, most_bytes: int = WAITING_BYTES) -> None:
        self.dropped = 0
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._most, self._most_bytes = most, most_bytes

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, channel: str, payload: bytes) -> None:
        self._waiting.append((channel, payload))
        self._bytes += len(payload)
        while len(self._waiting) > self._most or self._bytes > self._most_bytes:
            self._pop()
            self.dropped += 1

    def first(self, count: int) -> list[tuple[str, bytes]]:
        """They stay until `sent`, so that what failed is sent again, in its place."""
        return list(itertools.islice(self._waiting, count))

    def sent(self, count: int) -> None:
        for _ in range(count):
            self._pop()

    def _pop(self) -> None:
        self._bytes -= len(self._waiting.popleft()[1])


class RedisBus:
    """Hears its own pokes at once and without Redis; those of others while `healthy`."""

    def __init__(self, settings: Redis) -> None:
        self._origin = secrets.token_bytes(codec.ORIGIN_BYTES)
        self._partitions = [f"{settings.prefix}:{n}" for n in range(settings.partitions)]
        self._lossy = f"{settings.prefix}:doubt"  # a process says: pokes of mine were lost
        self._beacon = f"{settings.prefix}:beacon:{self._origin.hex()}"
        self._url, self._timeout_s = settings.url, settings.timeout_s
        self._commands, self._subscriber = self._client(), self._client()
        self._hear: list[Hear] = []
        self._doubt: list[Doubt] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._outbox = Outbox()
        self._told = 0  # dropped pokes that the others know of
        self._wake = asyncio.Event()
        self._stopping = False
        self._subscribed = asyncio.Event()
        self._missed = False  # something may have passed while nobody listened
        self._failures = 0  # to subscribe, since a beacon last came back
        self._asked_at: float | None = None  # when the beacon that has not come back was sent
        self._ununderstood = 0
        self._reported_at = -REPORT_EVERY_S

    @property
    def healthy(self) -> bool:
        return self._subscribed.is_set() and not self._overdue()

    def listen(self, hear: Hear, doubt: Doubt) -> None:
        self._hear.append(hear)
        self._doubt.append(doubt)

    def announce(self, pokes: Sequence[Announcement]) -> None:
        for poke in pokes:
            self._deliver(poke)
            try:
                channel = self._partitions[codec.partition(poke.topic, len(self._partitions))]
                self._outbox.put(channel, codec.encode(poke, self._origin))
            except Exception:  # a defect, and no reason to fail what is committed
                log.exception("bus.not_encoded", kind=poke.kind)
        self._wake.set()

    async def start(self) -> None:
        self._tasks = [
            asyncio.create_task(work, name=f"bus-{work.__name__.strip('_')}")
            for work in (self._send(), self._receive(), self._beat())
        ]
        try:
            await asyncio.wait_for(self._subscribed.wait(), self._timeout_s)
        except TimeoutError:
            self._missed = True

    async def stop(self) -> None:
        self._hear.clear()
        self._doubt.clear()
        self._stopping = True
        self._wake.set()
        if self._tasks:
            await asyncio.wait(self._tasks[:1], timeout=FLUSH_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in (self._commands, self._subscriber):
            try:
                await client.aclose()
            except UNREACHABLE as error:
                log.warning("bus.not_closed", error=repr(error))

    # To Redis.

    async def _send(self) -> None:
        """The only publisher of pokes, so that those of a topic keep their order."""
        failures = 0
        while not self._stopping or self._outbox:
            if not self._outbox:
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                await self._publish()
                failures = 0
            except UNREACHABLE as error:
                failures += 1
                if failures == 1:
                    log.warning("bus.not_sent", error=repr(error), waiting=len(self._outbox))
                await asyncio.sleep(_pause(failures))

    async def _publish(self) -> None:
        """What waits, in one round trip. If that fails it is sent again: readers drop doubles."""
        batch, dropped = self._outbox.first(BATCH), self._outbox.dropped
        pipeline = self._commands.pipeline(transaction=False)
        for channel, payload in batch:
            pipeline.publish(channel, payload)
        if dropped > self._told:
            pipeline.publish(self._lossy, self._origin)
        async with asyncio.timeout(self._timeout_s):
            await pipeline.execute()
        self._told = dropped
        self._outbox.sent(len(batch) - (self._outbox.dropped - dropped))

    async def _beat(self) -> None:
        """Proves the whole way, there and back; a frozen server breaks no connection."""
        while True:
            if self._subscribed.is_set():
                self._asked_at = self._asked_at or asyncio.get_running_loop().time()
                try:
                    async with asyncio.timeout(self._timeout_s):
                        await self._commands.publish(self._beacon, self._origin)
                except UNREACHABLE:
                    pass  # it will be missed
            await asyncio.sleep(BEACON_EVERY_S)

    def _overdue(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._asked_at is not None and now - self._asked_at > BEACON_LATE_S

    # From Redis.

    async def _receive(self) -> None:
        while True:
            try:
                await self._link()
            except (*UNREACHABLE, LinkLost) as error:
                if not self._failures:
                    log.warning("bus.lost", error=repr(error))
            except Exception:
                log.exception("bus.failed")
            self._failures += 1
            await asyncio.sleep(_pause(self._failures))

    async def _link(self) -> None:
        """One subscription, from its connection to its loss, which raises."""
        pubsub = self._subscriber.pubsub()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._subscribe(pubsub)
            self._asked_at = None
            self._subscribed.set()
            if self._missed:
                self._suspect()
            self._missed = True  # from here on a subscription is one that was down before
            await self._read(pubsub)
        finally:
            self._subscribed.clear()
            await pubsub.aclose()

    async def _subscribe(self, pubsub: PubSub) -> None:
        channels = {*self._partitions, self._lossy, self._beacon}
        await pubsub.subscribe(*channels)
        unconfirmed = len(channels)
        while unconfirmed:
            message = await pubsub.get_message(timeout=self._timeout_s)
            if message and message["type"] == "subscribe":
                unconfirmed -= 1
            elif message:
                self._take(message)

    async def _read(self, pubsub: PubSub) -> None:
        silent = 0
        while True:
            message = await pubsub.get_message(timeout=POLL_S)
            if message:
                silent = 0
                self._take(message)
            elif self._overdue():
                # Twice: after a stall of our own loop, the first timeout beats what has come.
                silent += 1
                if silent > 1:
                    raise LinkLost(f"no beacon for {BEACON_LATE_S:g} s")

    def _take(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode(errors="replace")
        if message["type"] == "subscribe":
            self._suspect()  # the client has reconnected on its own
        elif channel == self._beacon:
            if self._overdue():
                self._suspect()
            self._asked_at = None
            self._failures = 0
        elif channel == self._lossy:
            if message["data"] != self._origin:
                self._suspect()
        elif (received := codec.decode(message["data"])) is None:
            self._report_ununderstood()
        elif received.origin != self._origin:
            self._deliver(received.poke)

    def _report_ununderstood(self) -> None:
        self._ununderstood += 1
        now = asyncio.get_running_loop().time()
        if now - self._reported_at >= REPORT_EVERY_S:
            log.warning("bus.not_understood", payloads=self._ununderstood)
            self._reported_at, self._ununderstood = now, 0

    # To the listeners.

    def _deliver(self, poke: Announcement) -> None:
        for hear in self._hear:
            try:
                hear(poke)
            except Exception:
                log.exception("bus.listener_failed", kind=poke.kind.name)

    def _suspect(self) -> None:
        for doubt in self._doubt:
            try:
                doubt()
            except Exception:
                log.exception("bus.listener_failed", kind="doubt")

    def _client(self) -> redis.Redis:
        """Without redis-py's own retries: they hide what was lost, and stretch every timeout.

        RESP2, because pub/sub needs no more; with RESP3 each message is also turned into a string
        for a log that nobody reads, and each connection asks for maintenance notifications.
        """
        client: redis.Redis = redis.Redis.from_url(
            self._url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=self._timeout_s,
            socket_connect_timeout=self._timeout_s,
        )
        return client


def _pause(failures: int) -> float:
    """Seconds, with full jitter, so that processes do not come back all at once."""
    return random.uniform(0, min(RETRY_MAX_S, RETRY_MIN_S * 2 ** min(failures, 10)))
