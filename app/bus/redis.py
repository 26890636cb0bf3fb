"""The bus of many processes, over Redis pub/sub.

Every process subscribes to all partitions. Redis keeps nothing: what is published while a
subscription is down is gone. What this module has to know is therefore when something may have been
lost; it then says so (`doubt`), and readers ask the log.

Each subscription is made anew and ends with its connection. redis-py could reconnect and subscribe
again by itself, but then nobody would learn that something was missed.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from redis.asyncio.client import PubSub

from app.bus import codec
from app.bus.base import Doubt, Hear
from app.bus.publish_queue import Outbox, pause
from app.core.cancellation import end
from app.core.publications import Publication
from app.redis_client import UNREACHABLE, connect, describe, is_unreachable
from app.settings import Redis

log = structlog.get_logger(__name__)

BEACON_EVERY_S = 1.0
BEACON_LATE_S = 2.0  # after it was sent; so at most three seconds after the last sign of life
POLL_S = 0.5
FLUSH_S = 1.0
REPORT_EVERY_S = 60.0


class LinkLost(Exception):
    """The connection stands, and nothing comes: the server, or the way to it, is frozen."""


class RedisBus:
    """Hears its own pokes at once and without Redis; those of others while `healthy`."""

    def __init__(self, settings: Redis) -> None:
        self._timeout_s = settings.timeout_s
        self._commands, self._subscriber = connect(settings), connect(settings)
        self._origin = secrets.token_bytes(codec.ORIGIN_BYTES)
        self._partitions = [f"{settings.prefix}:{n}" for n in range(settings.partitions)]
        self._lossy = f"{settings.prefix}:lossy"  # who writes here has dropped pokes
        self._beacon = f"{settings.prefix}:beacon:{self._origin.hex()}"
        self._outbox = Outbox(self._commands, apology=(self._lossy, self._origin))
        self._hear: list[Hear] = []
        self._doubt: list[Doubt] = []
        self._sender: asyncio.Task[None] | None = None
        self._others: list[asyncio.Task[None]] = []
        self._linked = asyncio.Event()  # all subscriptions are confirmed
        self._proven = asyncio.Event()  # and a beacon has come back over them
        self._asked_at: float | None = None  # when one was sent that has not come back
        self._failures = 0  # links lost since a beacon last came back
        self._missed = False  # pokes may have passed while nobody listened
        self._foreign = 0  # payloads that were not understood, since that was last logged
        self._reported_at = -REPORT_EVERY_S

    @property
    def healthy(self) -> bool:
        return self._proven.is_set() and not self._overdue()

    def listen(self, hear: Hear, doubt: Doubt) -> None:
        self._hear.append(hear)
        self._doubt.append(doubt)

    def announce(self, publications: Sequence[Publication]) -> None:
        for publication in publications:
            self._deliver(publication)
            self._post(publication)

    def whisper(self, publications: Sequence[Publication]) -> None:
        for publication in publications:
            self._deliver(publication)
            if self.healthy:
                self._post(publication, fleeting=True)

    def _post(self, publication: Publication, *, fleeting: bool = False) -> None:
        try:
            channel = self._partitions[codec.partition(publication.channel, len(self._partitions))]
            self._outbox.put(channel, codec.encode(publication, self._origin), fleeting=fleeting)
        except Exception:  # a defect, and no reason to fail what is committed
            log.exception("bus.not_encoded", kind=publication.kind)

    async def start(self) -> None:
        self._sender = asyncio.create_task(self._outbox.run())
        self._others = [asyncio.create_task(self._receive()), asyncio.create_task(self._beat())]
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._proven.wait()
        except TimeoutError:
            self._missed = True

    async def stop(self) -> None:
        self._hear.clear()
        self._doubt.clear()
        self._outbox.close()
        if self._sender:
            await asyncio.wait([self._sender], timeout=FLUSH_S)
            await end(self._sender, *self._others)
        for client in (self._commands, self._subscriber):
            with suppress(*UNREACHABLE):
                await client.aclose()

    # The link to Redis.

    async def _receive(self) -> None:
        while True:
            try:
                await self._link()
            except Exception as error:
                if not (isinstance(error, LinkLost) or is_unreachable(error)):
                    log.exception("bus.lost")
                elif not self._failures:
                    log.warning("bus.lost", error=describe(error))
            self._failures += 1
            await asyncio.sleep(pause(self._failures))

    async def _link(self) -> None:
        """One subscription, from its connection to its loss, which raises."""
        pubsub = self._subscriber.pubsub()
        try:
            await self._subscribe(pubsub)
            if self._missed:
                self._suspect()
            self._missed = True  # by whoever subscribes after this
            self._linked.set()
            self._outbox.hurry()
            await self._read(pubsub)
        finally:
            self._linked.clear()
            self._proven.clear()
            self._asked_at = None
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _subscribe(self, pubsub: PubSub) -> None:
        channels = [*self._partitions, self._lossy, self._beacon]
        await pubsub.subscribe(*channels)
        unconfirmed = len(channels)
        while unconfirmed:
            message = await pubsub.get_message(timeout=self._timeout_s)
            if message is None:
                raise LinkLost("the subscription is not confirmed")
            if message["type"] == "subscribe":
                unconfirmed -= 1
            else:
                self._take(message)

    async def _read(self, pubsub: PubSub) -> None:
        silent = 0
        while True:
            message = await pubsub.get_message(timeout=POLL_S)
            if message:
                silent = 0
                self._take(message)
            elif self._overdue():
                # Twice: after a stall of this loop, the first timeout is older than what came.
                silent += 1
                if silent > 1:
                    raise LinkLost(f"no beacon came back within {BEACON_LATE_S:g} s")

    async def _beat(self) -> None:
        """Proves the way there and back: a frozen server closes no connection."""
        while True:
            await self._linked.wait()
            self._asked_at = self._asked_at or time.monotonic()
            try:
                await self._commands.publish(self._beacon, self._origin)
            except Exception as error:
                if is_unreachable(error):
                    log.debug("bus.no_beacon", error=describe(error))  # it will be missed
                else:
                    log.exception("bus.no_beacon")
            await asyncio.sleep(BEACON_EVERY_S)

    def _overdue(self) -> bool:
        return self._asked_at is not None and time.monotonic() - self._asked_at > BEACON_LATE_S

    # What comes over it.

    def _take(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        if message["type"] != "message":
            self._suspect()  # a subscription that nobody asked for: there was a gap
        elif channel == self._beacon:
            self._take_beacon()
        elif channel == self._lossy:
            if message["data"] != self._origin:
                self._suspect()
        elif (received := codec.decode(message["data"])) is None:
            self._report_foreign()
        elif received.origin != self._origin:
            self._deliver(received.publication)

    def _take_beacon(self) -> None:
        if not self._proven.is_set():
            log.info("bus.connected", partitions=len(self._partitions))
            self._proven.set()
        elif self._overdue():
            self._suspect()
        self._asked_at = None
        self._failures = 0

    def _report_foreign(self) -> None:
        self._foreign += 1
        if time.monotonic() - self._reported_at >= REPORT_EVERY_S:
            log.warning("bus.not_understood", payloads=self._foreign)
            self._reported_at, self._foreign = time.monotonic(), 0

    def _deliver(self, publication: Publication) -> None:
        for hear in self._hear:
            try:
                hear(publication)
            except Exception:
                log.exception("bus.listener_failed", kind=publication.kind.name)

    def _suspect(self) -> None:
        for doubt in self._doubt:
            try:
                doubt()
            except Exception:
                log.exception("bus.listener_failed", kind="doubt")
