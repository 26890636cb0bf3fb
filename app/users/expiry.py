"""Deletes what is old: expired tickets, refresh tokens and sessions, scheduled messages that were
sent, old entries of the audit log, old reports, and the beginnings of users' logs.

Every process tries every five minutes, and one of them does it: the lease that it takes is valid
for as long. It deletes a few rows in each transaction, which first renews the lease.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from app.core.clock import now
from app.core.ids import new_id
from app.persistence.database import Database
from app.persistence.repositories.consumers import FIRST_ID, JOB_PREFIX, Lease
from app.persistence.uow import ReadSession, UnitOfWork
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

EXPIRY_INTERVAL_S = 300
PAUSE_S = 0.1  # between two transactions, so that a long backlog does not block requests
ROWS_PER_TRANSACTION = 500
# The clocks of processes may differ by less than this.
CLOCK_MARGIN = timedelta(hours=1)
LOGS_PER_QUERY = 500
MAX_USER_EVENTS = 10_000
MAX_USER_EVENT_AGE = timedelta(days=30)
MAX_SENT_AGE = timedelta(days=30)  # of scheduled messages, for their nonces

# Deletes a few of the rows that were old at a time. True: there may be more.
Delete = Callable[[UnitOfWork, datetime], Awaitable[bool]]


class LeaseLost(Exception):
    """The lease has expired: another process does it."""


def create_lease() -> Lease:
    return Lease(f"{JOB_PREFIX}expiry", new_id(), EXPIRY_INTERVAL_S)


async def run_expiry(database: Database, audit_log_days: int) -> None:
    """Never returns. Days 0: the audit log and reports are kept for ever."""
    lease = create_lease()
    while True:
        await asyncio.sleep(EXPIRY_INTERVAL_S * random.uniform(0.5, 1.5))
        try:
            await delete_old(database, lease, audit_log_days)
        except ChatError as error:
            log.warning("expiry.failed", error=error.detail)
        except LeaseLost:
            log.warning("expiry.lease_lost")


async def delete_old(database: Database, lease: Lease, audit_log_days: int) -> bool:
    """Deletes everything that is old, batch by batch. False: another process has the lease."""
    if await database.read(_is_leased_elsewhere, lease):
        return False
    if not await database.transact(_acquire, lease):
        return False
    for delete in (_delete_tickets, _delete_refresh_tokens, _delete_sessions):
        await _delete_all(database, lease, delete, now() - CLOCK_MARGIN)
    await _delete_all(database, lease, _delete_sent, now() - MAX_SENT_AGE)
    if audit_log_days:
        old_before = now() - timedelta(days=audit_log_days)
        await _delete_all(database, lease, _delete_acts, old_before)
        await _delete_all(database, lease, _delete_reports, old_before)
    await _trim_logs(database, lease)
    return True


async def _delete_all(
    database: Database, lease: Lease, delete: Delete, old_before: datetime
) -> None:
    more = True
    while more:
        more = await database.transact(_renew_and_delete, lease, delete, old_before)
        await asyncio.sleep(PAUSE_S)


async def _trim_logs(database: Database, lease: Lease) -> None:
    old_before, after = now() - MAX_USER_EVENT_AGE, FIRST_ID
    while True:
        page, long = await database.read(_long_logs, after, old_before)
        for user in long:
            await _delete_all(database, lease, partial(_trim_log, user=user), old_before)
        if page is None:
            return
        after = page
        await asyncio.sleep(PAUSE_S)


async def _trim_log(uow: UnitOfWork, old_before: datetime, user: UUID) -> bool:
    return await uow.user_logs.trim(user, MAX_USER_EVENTS, old_before, ROWS_PER_TRANSACTION)


async def _long_logs(
    reads: ReadSession, after: UUID, old_before: datetime
) -> tuple[UUID | None, list[UUID]]:
    return await reads.user_logs.list_long(after, LOGS_PER_QUERY, MAX_USER_EVENTS, old_before)


async def _renew_and_delete(
    uow: UnitOfWork, lease: Lease, delete: Delete, old_before: datetime
) -> bool:
    if not await uow.consumers.renew(lease):
        raise LeaseLost
    return await delete(uow, old_before)


async def _is_leased_elsewhere(reads: ReadSession, lease: Lease) -> bool:
    return await reads.consumers.is_leased_elsewhere(lease)


async def _acquire(uow: UnitOfWork, lease: Lease) -> bool:
    return await uow.consumers.acquire(lease)


async def _delete_tickets(uow: UnitOfWork, expired_before: datetime) -> bool:
    return await uow.sessions.delete_tickets(expired_before, ROWS_PER_TRANSACTION)


async def _delete_refresh_tokens(uow: UnitOfWork, expired_before: datetime) -> bool:
    return await uow.sessions.delete_refresh_tokens(expired_before, ROWS_PER_TRANSACTION)


async def _delete_sent(uow: UnitOfWork, due_before: datetime) -> bool:
    return await uow.scheduled_messages.delete_sent(due_before, ROWS_PER_TRANSACTION)


async def _delete_acts(uow: UnitOfWork, done_before: datetime) -> bool:
    return await uow.audit_log.delete_old(done_before, ROWS_PER_TRANSACTION)


async def _delete_reports(uow: UnitOfWork, made_before: datetime) -> bool:
    return await uow.reports.delete_old(made_before, ROWS_PER_TRANSACTION)


async def _delete_sessions(uow: UnitOfWork, expired_before: datetime) -> bool:
    return await uow.sessions.delete_sessions(expired_before, ROWS_PER_TRANSACTION)
