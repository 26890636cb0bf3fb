"""The bus of many processes, over Redis pub/sub.

Every process subscribes to all partitions. Redis stores nothing: what is published while a
subscription is down is lost. So this module detects when something may have been lost and calls
`on_possible_loss`; readers then check the log.

A subscription ends with its connection, and a new one replaces it. redis-py could reconnect and
subscribe again by itself, but the gap between would go unnoticed.
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
from app.bus.base import OnPossibleLoss, OnPublication
from app.bus.publish_queue import PublishQueue, choose_backoff_s
from app.core.cancellation import cancel_and_wait
from app.core.publications import Publication
from app.redis_client import UNREACHABLE, connect, describe_error
from app.settings import Redis

log = structlog.get_logger(__name__)

PROBE_INTERVAL_S = 1.0
PROBE_TIMEOUT_S = 2.0  # so a stall is noticed within three seconds
POLL_INTERVAL_S = 0.5
FLUSH_TIMEOUT_S = 1.0
REPORT_INTERVAL_S = 60.0


class ConnectionStalled(Exception):
    """The connection is open but nothing arrives: the server or the network is frozen."""


class RedisBus:
    """Delivers publications of this process immediately, without Redis, and those of other
    processes while it is `healthy`."""

    def __init__(self, settings: Redis) -> None:
        self._timeout_s = settings.timeout_s
        self._commands, self._subscriber = connect(settings), connect(settings)
        self._origin = secrets.token_bytes(codec.ORIGIN_BYTES)
        self._partitions = [f"{settings.prefix}:{n}" for n in range(settings.partitions)]
        self._loss_channel = f"{settings.prefix}:loss"  # for notices of dropped publications
        self._probe_channel = f"{settings.prefix}:probe:{self._origin.hex()}"
        self._queue = PublishQueue(self._commands, loss_notice=(self._loss_channel, self._origin))
        self._on_publication: list[OnPublication] = []
        self._on_possible_loss: list[OnPossibleLoss] = []
        self._sender: asyncio.Task[None] | None = None
        self._background_tasks: list[asyncio.Task[None]] = []
        self._subscribed = asyncio.Event()  # all subscriptions are confirmed
        self._verified = asyncio.Event()  # and a probe has come back through them
        self._probe_sent_at: float | None = None  # monotonic; None if no probe is under way
        self._failures = 0  # lost connections since a probe last came back
        self._had_gap = False  # publications may have passed without a subscription
        self._undecodable = 0  # payloads since the last log line about them
        self._reported_at = -REPORT_INTERVAL_S

    @property
    def healthy(self) -> bool:
        return self._verified.is_set() and not self._is_probe_overdue()

    def subscribe(self, on_publication: OnPublication, on_possible_loss: OnPossibleLoss) -> None:
        self._on_publication.append(on_publication)
        self._on_possible_loss.append(on_possible_loss)

    def publish(self, publications: Sequence[Publication]) -> None:
        for publication in publications:
            self._deliver(publication)
            self._enqueue(publication)

    def publish_volatile(self, publications: Sequence[Publication]) -> None:
        for publication in publications:
            self._deliver(publication)
            if self.healthy:
                self._enqueue(publication, volatile=True)

    def _enqueue(self, publication: Publication, *, volatile: bool = False) -> None:
        try:
            channel = self._partitions[codec.partition(publication.channel, len(self._partitions))]
            self._queue.put(channel, codec.encode(publication, self._origin), volatile=volatile)
        except Exception:  # must not fail a send, which is committed already
            log.exception("bus.encode_failed", kind=publication.kind)

    async def start(self) -> None:
        self._sender = asyncio.create_task(self._queue.run())
        self._background_tasks = [
            asyncio.create_task(self._run_subscriber()),
            asyncio.create_task(self._run_probe()),
        ]
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._verified.wait()
        except TimeoutError:
            self._had_gap = True

    async def stop(self) -> None:
        self._on_publication.clear()
        self._on_possible_loss.clear()
        self._queue.close()
        if self._sender:
            await asyncio.wait([self._sender], timeout=FLUSH_TIMEOUT_S)
            await cancel_and_wait(self._sender, *self._background_tasks)
        for client in (self._commands, self._subscriber):
            with suppress(*UNREACHABLE):
                await client.aclose()

    # The subscription.

    async def _run_subscriber(self) -> None:
        while True:
            try:
                await self._run_subscription()
            except Exception as error:
                if not isinstance(error, (ConnectionStalled, *UNREACHABLE)):
                    log.exception("bus.disconnected")
                elif not self._failures:
                    log.warning("bus.disconnected", error=describe_error(error))
            self._failures += 1
            await asyncio.sleep(choose_backoff_s(self._failures))

    async def _run_subscription(self) -> None:
        """Runs one subscription until its connection is lost, which raises."""
        pubsub = self._subscriber.pubsub()
        try:
            await self._subscribe(pubsub)
            if self._had_gap:
                self._report_possible_loss()
            self._had_gap = True  # before the next subscription
            self._subscribed.set()
            self._queue.retry_now()
            await self._receive_messages(pubsub)
        finally:
            self._subscribed.clear()
            self._verified.clear()
            self._probe_sent_at = None
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _subscribe(self, pubsub: PubSub) -> None:
        channels = [*self._partitions, self._loss_channel, self._probe_channel]
        await pubsub.subscribe(*channels)
        unconfirmed = len(channels)
        while unconfirmed:
            message = await pubsub.get_message(timeout=self._timeout_s)
            if message is None:
                raise ConnectionStalled("the subscription is not confirmed")
            if message["type"] == "subscribe":
                unconfirmed -= 1
            else:
                self._handle(message)

    async def _receive_messages(self, pubsub: PubSub) -> None:
        silent = 0
        while True:
            message = await pubsub.get_message(timeout=POLL_INTERVAL_S)
            if message:
                silent = 0
                self._handle(message)
            elif self._is_probe_overdue():
                # Twice, since after a stall of this event loop the first timeout may be stale.
                silent += 1
                if silent > 1:
                    raise ConnectionStalled(f"no probe came back within {PROBE_TIMEOUT_S:g} s")

    async def _run_probe(self) -> None:
        """Sends probes, since a frozen server does not close its connections."""
        while True:
            await self._subscribed.wait()
            self._probe_sent_at = self._probe_sent_at or time.monotonic()
            try:
                await self._commands.publish(self._probe_channel, self._origin)
            except Exception as error:
                if isinstance(error, UNREACHABLE):
                    log.debug("bus.probe_failed", error=describe_error(error))  # becomes overdue
                else:
                    log.exception("bus.probe_failed")
            await asyncio.sleep(PROBE_INTERVAL_S)

    def _is_probe_overdue(self) -> bool:
        return (
            self._probe_sent_at is not None
            and time.monotonic() - self._probe_sent_at > PROBE_TIMEOUT_S
        )

    # Its messages.

    def _handle(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        if message["type"] != "message":
            self._report_possible_loss()  # redis-py has subscribed again by itself
        elif channel == self._probe_channel:
            self._handle_probe()
        elif channel == self._loss_channel:
            if message["data"] != self._origin:
                self._report_possible_loss()
        elif (received := codec.decode(message["data"])) is None:
            self._report_undecodable()
        elif received.origin != self._origin:
            self._deliver(received.publication)

    def _handle_probe(self) -> None:
        if not self._verified.is_set():
            log.info("bus.connected", partitions=len(self._partitions))
            self._verified.set()
        elif self._is_probe_overdue():
            self._report_possible_loss()
        self._probe_sent_at = None
        self._failures = 0

    def _report_undecodable(self) -> None:
        self._undecodable += 1
        if time.monotonic() - self._reported_at >= REPORT_INTERVAL_S:
            log.warning("bus.decode_failed", payloads=self._undecodable)
            self._reported_at, self._undecodable = time.monotonic(), 0

    def _deliver(self, publication: Publication) -> None:
        for on_publication in self._on_publication:
            try:
                on_publication(publication)
            except Exception:
                log.exception("bus.subscriber_failed", kind=publication.kind.name)

    def _report_possible_loss(self) -> None:
        for on_possible_loss in self._on_possible_loss:
            try:
                on_possible_loss()
            except Exception:
                log.exception("bus.subscriber_failed", kind="possible_loss")
