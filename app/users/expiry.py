"""Deletes logins that are over: tickets, refresh tokens and sessions past their end.

Every process does it, a few rows a transaction; rows that another one is deleting are skipped.
"""

import asyncio
import random
from datetime import datetime, timedelta

import structlog

from app.core.clock import now
from app.persistence.uow import Database, UnitOfWork
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

EVERY_S = 300.0
PAUSE_S = 0.1  # between two transactions, so that a long backlog stops nobody
ROWS_PER_TRANSACTION = 500
# The clocks of processes may differ by less than this.
MARGIN = timedelta(hours=1)


async def delete_expired_logins(database: Database) -> None:
    """Runs for ever."""
    while True:
        await asyncio.sleep(EVERY_S * random.uniform(0.5, 1.5))
        try:
            await delete_expired(database)
        except ChatError as error:
            log.warning("logins.not_deleted", error=error.detail)


async def delete_expired(database: Database) -> None:
    """Everything that is over, batch by batch."""
    expired_before = now() - MARGIN
    for delete in (_tickets, _refresh_tokens, _sessions):
        more = True
        while more:
            more = await database.transact(delete, expired_before)
            await asyncio.sleep(PAUSE_S)


async def _tickets(uow: UnitOfWork, expired_before: datetime) -> bool:
    return await uow.sessions.delete_tickets(expired_before, ROWS_PER_TRANSACTION)


async def _refresh_tokens(uow: UnitOfWork, expired_before: datetime) -> bool:
    return await uow.sessions.delete_refresh_tokens(expired_before, ROWS_PER_TRANSACTION)


async def _sessions(uow: UnitOfWork, expired_before: datetime) -> bool:
    return await uow.sessions.delete_sessions(expired_before, ROWS_PER_TRANSACTION)
