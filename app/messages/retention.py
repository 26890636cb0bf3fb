"""Deletes messages that are due, as a moderator would: those that disappear, and those that their
room keeps no longer.

The database's clock says what is due. Every process looks every few seconds, and the one that has
the lease deletes. Each transaction renews the lease and deletes up to a hundred messages of a room:
a process that is killed leaves nothing half done, and no message is deleted twice.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from app.core.ids import new_id
from app.messages.deletion import MAX_PER_EVENT, delete_unchecked
from app.persistence.database import Database
from app.persistence.repositories.consumers import JOB_PREFIX, Lease
from app.persistence.repositories.retention import MAX_WAIT
from app.persistence.uow import ReadSession, UnitOfWork
from app.users.expiry import LeaseLost
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

LEASE_S = 30  # what another process waits for one that was killed
PAUSE_S = 0.02  # between two transactions, so that a long backlog does not block requests

# Deletes what is due in one room. False: nothing is.
Delete = Callable[[UnitOfWork], Awaitable[bool]]


class Job(NamedTuple):
    """What one process of a cluster deletes, the one that has the lease of this name. Each of
    `deletes` deletes a part in a transaction, and returns whether there may be more."""

    name: str
    is_anything_due: Callable[[ReadSession], Awaitable[bool]]
    deletes: Sequence[Delete]

    def create_lease(self) -> Lease:
        return Lease(f"{JOB_PREFIX}{self.name}", new_id(), LEASE_S)


async def run_job(job: Job, database: Database, interval_s: float) -> None:
    """Never returns."""
    lease = job.create_lease()
    while True:
        await asyncio.sleep(interval_s * random.uniform(0.5, 1.5))
        try:
            await delete_due(database, lease, job)
        except ChatError as error:
            log.warning("deletions.failed", job=job.name, error=error.detail)
        except LeaseLost:
            log.warning("deletions.lease_lost", job=job.name)


async def delete_due(database: Database, lease: Lease, job: Job) -> bool:
    """Deletes everything that is due. False: nothing is, or another process has the lease."""
    if not await database.read(_should_run, lease, job):
        return False
    if not await database.transact(_acquire, lease):
        return False
    for delete in job.deletes:
        more = True
        while more:
            more = await database.transact(_renew_and_delete, lease, delete)
            await asyncio.sleep(PAUSE_S)
    await database.transact(_release, lease)
    return True


async def _should_run(reads: ReadSession, lease: Lease, job: Job) -> bool:
    return await job.is_anything_due(reads) and not await reads.consumers.is_leased_elsewhere(lease)


async def _is_anything_due(reads: ReadSession) -> bool:
    return await reads.retentions.is_anything_due()


async def _acquire(uow: UnitOfWork, lease: Lease) -> bool:
    return await uow.consumers.acquire(lease)


async def _release(uow: UnitOfWork, lease: Lease) -> None:
    await uow.consumers.release(lease)


async def _renew_and_delete(uow: UnitOfWork, lease: Lease, delete: Delete) -> bool:
    if not await uow.consumers.renew(lease):
        raise LeaseLost
    return await delete(uow)


async def _delete_expired(uow: UnitOfWork) -> bool:
    """Their senders delete them, as the log tells it."""
    expired = await uow.retentions.list_expired(MAX_PER_EVENT)
    if not expired:
        return False
    room_id = expired[0].room
    keys = [key for key in expired if key.room == room_id]
    await _delete(uow, room_id, [key.seq for key in keys])
    await uow.retentions.forget_expired(keys)
    return True


async def _delete_old(uow: UnitOfWork) -> bool:
    """Messages of a room that are older than it keeps them, the oldest first. The member who has
    set it deletes them, as the log tells it."""
    room_id = await uow.retentions.find_due_room()
    if room_id is None:
        return False
    await uow.rooms.lock(room_id)
    retention = await uow.retentions.get(room_id)
    if retention is None:  # it was changed before the room was locked
        return True
    at = await uow.retentions.database_now()
    kept = timedelta(days=retention.days)
    following = await uow.retentions.list_next(room_id, retention.seq, MAX_PER_EVENT)
    seq, seqs = retention.seq, []
    due_at = at if len(following) == MAX_PER_EVENT else at + MAX_WAIT  # now: there may be more
    for message_seq, sent_at, is_deleted in following:
        if not is_deleted and sent_at + kept > at:
            due_at = min(sent_at + kept, at + MAX_WAIT)
            break
        seq = message_seq
        if not is_deleted:
            seqs.append(message_seq)
    await _delete(uow, room_id, seqs, by=retention.set_by)
    await uow.retentions.advance(room_id, seq, due_at)
    return True


async def _delete(uow: UnitOfWork, room_id: UUID, seqs: list[int], by: UUID | None = None) -> None:
    """Those of these messages that are not deleted; without `by`, in the names of their senders."""
    room = await uow.rooms.lock(room_id)
    if room is None:  # it was deleted, and all messages with it
        return
    messages = [m for m in await uow.messages.list_unchecked(room_id, seqs) if not m.deletion]
    actors = [by] if by else sorted({message.sender for message in messages})
    for actor in actors:
        own = [message for message in messages if by or message.sender == actor]
        await delete_unchecked(uow, room, actor, own)


RETENTION = Job("retention", _is_anything_due, (_delete_expired, _delete_old))
