"""Deletes expired tickets, refresh tokens and sessions.

Every process does it, a few rows in each transaction, and skips rows that another process deletes.
"""

import asyncio
import random
from datetime import datetime, timedelta

import structlog

from app.core.clock import now
from app.persistence.uow import Database, UnitOfWork
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

EXPIRY_INTERVAL_S = 300.0
PAUSE_S = 0.1  # between two transactions, so that a long backlog does not block requests
ROWS_PER_TRANSACTION = 500
# The clocks of processes may differ by less than this.
CLOCK_MARGIN = timedelta(hours=1)


async def run_login_expiry(database: Database) -> None:
    """Never returns."""
    while True:
        await asyncio.sleep(EXPIRY_INTERVAL_S * random.uniform(0.5, 1.5))
        try:
            await delete_expired(database)
        except ChatError as error:
            log.warning("login_expiry.failed", error=error.detail)


async def delete_expired(database: Database) -> None:
    """Deletes everything that has expired, batch by batch."""
    expired_before = now() - CLOCK_MARGIN
    for delete in (_delete_tickets, _delete_refresh_tokens, _delete_sessions):
        more = True
        while more:
            more = await database.transact(delete, expired_before)
            await asyncio.sleep(PAUSE_S)


async def _delete_tickets(uow: UnitOfWork, expired_before: datetime) -> bool:
    return await uow.sessions.delete_tickets(expired_before, ROWS_PER_TRANSACTION)


async def _delete_refresh_tokens(uow: UnitOfWork, expired_before: datetime) -> bool:
    return await uow.sessions.delete_refresh_tokens(expired_before, ROWS_PER_TRANSACTION)


async def _delete_sessions(uow: UnitOfWork, expired_before: datetime) -> bool:
    return await uow.sessions.delete_sessions(expired_before, ROWS_PER_TRANSACTION)
