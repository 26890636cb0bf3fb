"""The one row of `server_state`: the epoch, and what is known of the database's clock.

The highest time that was seen is written at most every ten seconds, so the clock may be up to
WRITE_EVERY_S + MARGIN_S, and the two seconds between two checks, behind without being noticed.
"""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from sqlalchemy import Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.server_state import ServerState
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.executor import Reader, SessionExecutor
from app.persistence.sql.statement import Statement
from app.persistence.tables import ServerStateRow, columns

MARGIN_S = 5
WRITE_EVERY_S = 10
EPOCH_BYTES = 8

_MARGIN, _WRITE_EVERY = timedelta(seconds=MARGIN_S), timedelta(seconds=WRITE_EVERY_S)
_TABLE = cast(Table, ServerStateRow.__table__)
_row = columns(ServerStateRow)
EPOCH = Statement(select(_row.epoch).where(_row.id == 1))
_READING = Statement(
    select(
        *(_row.epoch, _row.restores, _row.clock_steps),
        *(_row.clock_at, DatabaseNow()),
    ).where(_row.id == 1)
)
# Each is one statement, whose condition is false once another process has executed it.
_COUNT_STEP = (
    update(_TABLE)
    .where(_row.id == 1, _row.clock_at > DatabaseNow(-MARGIN_S))
    .values(clock_steps=_row.clock_steps + 1, clock_at=DatabaseNow())
)
_ADVANCE_CLOCK = (
    update(_TABLE)
    .where(_row.id == 1, _row.clock_at < DatabaseNow(WRITE_EVERY_S))
    .values(clock_at=DatabaseNow())
)


class Reading(NamedTuple):
    """The state, the highest time that was seen, and the database's time."""

    state: ServerState
    clock_at: datetime
    now: datetime

    @property
    def is_due(self) -> bool:
        """The clock has stepped back, or its time has to be written again."""
        return not -_MARGIN <= self.now - self.clock_at <= _WRITE_EVERY


class ServerStateReads:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def read(self) -> Reading | None:
        """None: there is no row yet."""
        [rows] = await self._reader.read(_READING.bind())
        return Reading(ServerState(*rows[0][:3]), *rows[0][3:]) if rows else None


class ServerStates(ServerStateReads):
    def __init__(self, session: AsyncSession) -> None:
        super().__init__(SessionExecutor(session))
        self._session = session

    async def update_clock(self) -> Reading:
        """Count a step back, or note the database's time. Makes the row if there is none."""
        await self._session.execute(_COUNT_STEP)
        await self._session.execute(_ADVANCE_CLOCK)
        return await self.read() or await self._create()

    async def begin_epoch(self) -> ServerState:
        """A new epoch, after a backup was restored."""
        await self.update_clock()
        values = {"epoch": _new_epoch(), "restores": _row.restores + 1}
        await self._session.execute(update(_TABLE).where(_row.id == 1).values(values))
        return (await self._require()).state

    async def _create(self) -> Reading:
        row = {"id": 1, "epoch": _new_epoch(), "restores": 0, "clock_steps": 0}
        await self._session.execute(insert(_TABLE).values(**row, clock_at=DatabaseNow()))
        return await self._require()

    async def _require(self) -> Reading:
        reading = await self.read()
        assert reading is not None, "its row was written in this transaction"
        return reading


def _new_epoch() -> str:
    return secrets.token_urlsafe(EPOCH_BYTES)
