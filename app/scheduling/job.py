"""Sends messages and fires reminders at their time.

Every process looks for what is due, once a second, by the database's clock, so that processes whose
own clocks are wrong agree. Each of them is one unit of work, which locks its row and skips it where
another process has it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple
from uuid import UUID

import structlog

from app.messages.send.change_rules import MessageLimits
from app.persistence.database import Database
from app.persistence.direct_reads import DirectReads
from app.persistence.uow import UnitOfWork
from app.scheduling.reminders import fire_reminder
from app.scheduling.service import send_scheduled
from app.settings import Scheduling
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

MAX_DUE = 100  # of each kind in one look; more follow at once
RETRY_S = 60.0  # what could not be done, for a reason that is no refusal


async def run_scheduling(database: Database, settings: Scheduling, limits: MessageLimits) -> None:
    """Runs forever."""
    schedule = Schedule(database, limits)
    while True:
        await asyncio.sleep(settings.interval_ms / 1000)
        try:
            while await schedule.run_due() >= MAX_DUE:
                pass
        except ChatError as error:
            log.warning("scheduling.interrupted", error=error.detail)


class _Due(NamedTuple):
    run: Callable[[UnitOfWork, UUID, UUID], Awaitable[bool]]
    user: UUID
    id: UUID


class Schedule:
    def __init__(self, database: Database, limits: MessageLimits) -> None:
        self._database = database
        self._send = partial(send_scheduled, limits=limits)
        self._retry_at: dict[UUID, float] = {}  # loop time, of what has failed

    async def run_due(self) -> int:
        """Do what is due. Returns how much of it was done here or there. Raises ChatError."""
        now = asyncio.get_running_loop().time()
        self._retry_at = {id_: at for id_, at in self._retry_at.items() if at > now}
        due = [
            entry
            for entry in await self._database.read_directly(self._list_due)
            if entry.id not in self._retry_at
        ]
        random.shuffle(due)  # processes that look at the same time take others first
        for run, user, id_ in due:
            try:
                await self._database.transact_idempotent(run, user, id_)
            except ChatError:
                raise
            except Exception:
                log.exception("scheduling.failed", id=str(id_))
                self._retry_at[id_] = now + RETRY_S
        return len(due)

    async def _list_due(self, reads: DirectReads) -> list[_Due]:
        messages = await reads.scheduled_messages.list_due(MAX_DUE)
        reminders = await reads.reminders.list_due(MAX_DUE)
        return [
            *(_Due(self._send, user, id_) for user, id_ in messages),
            *(_Due(fire_reminder, user, id_) for user, id_ in reminders),
        ]
