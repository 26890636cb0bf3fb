"""Runs the consumers of the logs, each in one process at a time.

Rooms with news are found by comparing counters: `rooms.seq` with the consumer's position. What the
bus publishes only makes that prompt; a comparison of all rooms, page by page, finds the rest.

One process holds the lease of a consumer. Every batch is a unit of work that first renews the
lease, which locks its row, then lets the consumer handle a range of each room's log, and advances
the positions. So a process that was stopped and goes on after its lease has expired writes nothing,
and wherever a process is killed, another one continues from the positions once the lease expires.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple
from uuid import UUID

import structlog

from app.bus.base import Bus
from app.consumers.base import Consumer, StartPosition
from app.consumers.hints import FailingRooms, Hints
from app.core import metrics
from app.core.cancellation import cancel_and_wait
from app.core.ids import new_id
from app.persistence.database import Database
from app.persistence.migrations import SchemaStatus
from app.persistence.repositories.consumers import FIRST_ID, LAST_ID, Lease, LogRange
from app.persistence.uow import ReadSession, UnitOfWork
from app.settings import Consumers as Settings
from app.wire.errors import Busy, ChatError, UnknownOutcome

ROOMS_PER_PAGE = 1_000
ROOMS_PER_BATCH = 50
PASS_S = 5.0
PACE_S = 0.5  # between two passes: what comes meanwhile is one batch
RELEASE_S = 2.0
LOG_EVERY_S = 1.0

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """The lease has expired: another process may run the consumer."""


class Batch(NamedTuple):
    events: int
    unfinished: list[UUID]  # rooms whose logs have more


@asynccontextmanager
async def run_consumers(
    consumers: Sequence[Consumer], database: Database, bus: Bus, settings: Settings
) -> AsyncIterator[None]:
    """In the background; the leases are released in the end."""
    runners = [Runner(consumer, database, settings) for consumer in consumers]
    for runner in runners:
        bus.subscribe(runner.hints.on_publication, runner.hints.on_possible_loss)
    tasks = [asyncio.create_task(runner.run()) for runner in runners]
    try:
        yield
    finally:
        await cancel_and_wait(*tasks)
        await asyncio.gather(*(runner.release() for runner in runners))


class Runner:
    """One consumer in one process."""

    def __init__(self, consumer: Consumer, database: Database, settings: Settings) -> None:
        self.hints = Hints()
        self._consumer, self._database = consumer, database
        self._lease = Lease(consumer.name, new_id(), settings.lease_ttl_s)
        self._renew_every_s = settings.lease_ttl_s / 3
        self._compare_interval_s = settings.compare_interval_s
        self._failing = FailingRooms()
        self._renewed_at = self._compared_at = 0.0
        self._failures = 0  # since one was logged
        self._log_again_at = 0.0
        self._running = metrics.CONSUMER_RUNNING.labels(consumer.name)
        self._lag = metrics.CONSUMER_LAG.labels(consumer.name)

    async def run(self) -> None:
        """Runs for ever."""
        while True:
            try:
                if await self._acquire():
                    self._running.set(1)
                    log.info("consumer.started", consumer=self._lease.consumer)
                    await self._read_logs()
            except LeaseLost:
                log.warning("consumer.lease_lost", consumer=self._lease.consumer)
            except ChatError as error:
                log.warning(
                    "consumer.interrupted", consumer=self._lease.consumer, error=error.detail
                )
            except Exception:
                log.exception("consumer.failed", consumer=self._lease.consumer)
            finally:
                self._running.set(0)
                self._lag.set(0)
            await asyncio.sleep(self._renew_every_s * random.uniform(0.5, 1))

    async def release(self) -> None:
        """Let another process continue at once. Does nothing if the lease is not held."""
        with suppress(ChatError, TimeoutError):
            async with asyncio.timeout(RELEASE_S):
                await self._database.transact(_release, self._lease)

    async def _acquire(self) -> bool:
        schema = await self._database.schema()
        if schema not in (
            SchemaStatus.CURRENT,
            SchemaStatus.AHEAD,
        ):  # the tables are still to be made
            return False
        if await self._database.read(_is_leased_elsewhere, self._lease):
            return False
        self._renewed_at = _now()
        return await self._database.transact(_acquire, self._consumer, self._lease)

    async def _read_logs(self) -> None:
        """Until the lease is lost, which raises."""
        self.hints.on_possible_loss()
        while True:
            rooms = self.hints.take()
            if rooms is None or _now() >= self._compared_at + self._compare_interval_s:
                await self._compare()
            else:
                await self._handle(rooms | self._failing.due(_now()))
            await self._renew_if_due()
            await asyncio.sleep(PACE_S)
            next_at = min(
                self._compared_at + self._compare_interval_s,
                self._renewed_at + self._renew_every_s,
                self._failing.next_retry_at(),
            )
            await self.hints.wait(next_at - _now())

    async def _compare(self) -> None:
        """Look at all rooms, a page at a time."""
        self._compared_at, after, lag = _now(), FIRST_ID, 0
        while after != LAST_ID:
            after, unread = await self._database.read(_page, self._lease.consumer, after)
            page_lag = sum(span.until - span.after for span in unread)
            self._lag.set(lag + page_lag)
            lag += max(0, page_lag - await self._handle([span.room for span in unread]))
            self._lag.set(lag)
            await self._renew_if_due()

    async def _handle(self, rooms: Collection[UUID]) -> int:
        """What these rooms have, in turns, for a bounded time: the rest is handled in the next
        pass. Returns the number of events."""
        now, events = _now(), 0
        queue = deque(room for room in rooms if not self._failing.paused(room, now))
        while queue and _now() < now + PASS_S:
            began = _now()
            batch = [queue.popleft() for _ in range(min(len(queue), ROOMS_PER_BATCH))]
            handled, unfinished = await self._handle_batch(batch)
            queue.extend(unfinished)
            events += handled
            await asyncio.sleep(_now() - began)  # a long log leaves half of the time to others
        self.hints.add(queue)
        return events

    async def _handle_batch(self, rooms: list[UUID]) -> Batch:
        began = _now()
        try:
            batch = await self._database.transact(_advance, self._consumer, self._lease, rooms)
        except (LeaseLost, Busy, UnknownOutcome):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a consumer raises
            if len(rooms) > 1:
                batches = [await self._handle_batch([room]) for room in rooms]
                return Batch(
                    sum(batch.events for batch in batches),
                    [room for batch in batches for room in batch.unfinished],
                )
            self._fail(rooms[0], error)
            return Batch(0, [])
        self._renewed_at = began
        self._failing.forget(rooms)
        metrics.CONSUMER_EVENTS.labels(self._lease.consumer).inc(batch.events)
        return batch

    def _fail(self, room: UUID, error: Exception) -> None:
        now = _now()
        self._failing.add(room, now)
        self._failures += 1
        metrics.CONSUMER_FAILURES.labels(self._lease.consumer).inc()
        if now >= self._log_again_at:
            log.error(
                "consumer.batch_failed",
                consumer=self._lease.consumer,
                room=str(room),
                failures=self._failures,
                exc_info=error,
            )
            self._failures, self._log_again_at = 0, now + LOG_EVERY_S

    async def _renew_if_due(self) -> None:
        began = _now()
        if began >= self._renewed_at + self._renew_every_s:
            await self._database.transact(_renew, self._lease)
            self._renewed_at = began


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _advance(
    uow: UnitOfWork, consumer: Consumer, lease: Lease, rooms: Sequence[UUID]
) -> Batch:
    """One batch: the lease, the consumer's effects and its positions, or nothing of it."""
    await _renew(uow, lease)
    unread = await uow.consumers.unread_in(consumer.name, rooms)
    ranges = _cut(unread, max(1, consumer.max_events // len(rooms)))
    if ranges:
        await consumer.handle(uow, ranges)
        await uow.consumers.advance(consumer.name, ranges)
    return Batch(
        sum(span.until - span.after for span in ranges),
        [span.room for span in unread if span not in ranges],
    )


def _cut(unread: Sequence[LogRange], max_events: int) -> list[LogRange]:
    return [span._replace(until=min(span.until, span.after + max_events)) for span in unread]


async def _renew(uow: UnitOfWork, lease: Lease) -> None:
    if not await uow.consumers.renew(lease):
        raise LeaseLost


async def _acquire(uow: UnitOfWork, consumer: Consumer, lease: Lease) -> bool:
    at_heads = consumer.start_position is StartPosition.HEAD
    return await uow.consumers.acquire(lease, start_at_heads=at_heads)


async def _release(uow: UnitOfWork, lease: Lease) -> None:
    await uow.consumers.release(lease)


async def _is_leased_elsewhere(reads: ReadSession, lease: Lease) -> bool:
    return await reads.consumers.is_leased_elsewhere(lease)


async def _page(reads: ReadSession, consumer: str, after: UUID) -> tuple[UUID, list[LogRange]]:
    last = await reads.consumers.page_end(after, ROOMS_PER_PAGE)
    return last, await reads.consumers.unread_between(consumer, after, last)
