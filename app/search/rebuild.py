"""Indexes all messages anew, beside running servers.

Batch after batch, each a unit of work that also notes how far it has come: after an interruption
the next run goes on there. One process at a time does it.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import NamedTuple
from uuid import UUID

from app.core.ids import new_id
from app.persistence.database import Database
from app.persistence.repositories.consumers import FIRST_ID, JOB_PREFIX, LAST_ID, Lease, LogRange
from app.persistence.uow import ReadSession, UnitOfWork
from app.wire.errors import Busy

NAME = f"{JOB_PREFIX}search_rebuild"
LEASE_S = 60
MESSAGES_PER_BATCH = 300
ROOMS_PER_PAGE = 1_000
PAUSE_S = 0.05  # between two batches, for others who wait for the one writer of SQLite


class Progress(NamedTuple):
    """In events of the rooms' logs, since a rebuild was begun that was not interrupted for good."""

    done: int
    total: int


class Rebuild:
    """Raises Busy if another process does it."""

    def __init__(self, database: Database, *, from_start: bool = False) -> None:
        self._database, self._from_start = database, from_start
        self._lease = Lease(NAME, new_id(), LEASE_S)

    async def run(self) -> AsyncGenerator[Progress]:
        """Yields how far it is; the last time when all is done."""
        if not await self._database.transact(_begin, self._lease, from_start=self._from_start):
            raise Busy(
                "Another process is rebuilding the index of messages.", retry_after_ms=60_000
            )
        try:
            progress = await self._database.read(_progress)
            yield progress
            after = FIRST_ID
            while after != LAST_ID:
                after, ranges = await self._database.read(_page, after)
                for span in ranges:
                    async for done in self._index_room(span):
                        progress = progress._replace(done=progress.done + done)
                        yield progress
            await self._database.transact(_finish)
        finally:
            await self._database.transact(_release, self._lease)

    async def _index_room(self, span: LogRange) -> AsyncGenerator[int]:
        """Yields the events of each batch."""
        while span.after < span.until:
            position = await self._database.transact(_index_batch, self._lease, span)
            yield position - span.after
            span = span._replace(after=position)
            await asyncio.sleep(PAUSE_S)


async def _begin(uow: UnitOfWork, lease: Lease, *, from_start: bool) -> bool:
    if not await uow.consumers.acquire(lease):
        return False
    if from_start:
        await uow.consumers.forget_positions(NAME)
        await uow.search.clear()
    return True


async def _progress(reads: ReadSession) -> Progress:
    total, unread = await reads.consumers.total_events(NAME)
    return Progress(total - unread, total)


async def _page(reads: ReadSession, after: UUID) -> tuple[UUID, list[LogRange]]:
    last = await reads.consumers.page_end(after, ROOMS_PER_PAGE)
    return last, await reads.consumers.unread_between(NAME, after, last)


async def _index_batch(uow: UnitOfWork, lease: Lease, span: LogRange) -> int:
    """Returns the seq up to which it is done."""
    if not await uow.consumers.renew(lease):
        raise Busy(
            "Another process has taken over. Look there, or begin again.", retry_after_ms=60_000
        )
    messages = await uow.indexed_messages.list_after(span.room, span.after, MESSAGES_PER_BATCH)
    is_last = len(messages) < MESSAGES_PER_BATCH or messages[-1].seq >= span.until
    position = span.until if is_last else messages[-1].seq
    await uow.search.index(messages, replace=True)
    await uow.consumers.advance(NAME, [span._replace(until=position)])
    return position


async def _finish(uow: UnitOfWork) -> None:
    """The next rebuild begins at the start."""
    await uow.consumers.forget_positions(NAME)


async def _release(uow: UnitOfWork, lease: Lease) -> None:
    await uow.consumers.release(lease)
