"""What this process knows of the server's state: the epoch, and the steps of the database's clock.

Every process reads it when it starts, before it accepts a connection, and then every two seconds.
So a restore is noticed while processes run. A step back of the clock is counted by the first
process that sees it, also if it happened while no process ran.
"""

import asyncio
from collections.abc import Callable, Sequence
from math import inf

import structlog

from app.core.server_state import ServerState
from app.persistence.data_loader import DataLoader
from app.persistence.database import Database
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.server_state import Reading
from app.persistence.uow import UnitOfWork
from app.settings import Realtime
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

# A process that was frozen, or could not reach the database, reads the state again before it
# answers a hello.
MAX_AGE_S = 10.0
CALLERS_PER_QUERY = 1000


class KnownServerState:
    """`on_new_epoch` is called when the epoch has changed since the last reading."""

    def __init__(self, database: Database) -> None:
        self.on_new_epoch: Callable[[], None] = lambda: None
        self._database = database
        self._loader: DataLoader[None, ServerState] = DataLoader(self._load, CALLERS_PER_QUERY)
        self._state: ServerState | None = None
        self._read_at = -inf  # loop time

    @property
    def last(self) -> ServerState:
        """As it was read last. `get` has to have been called before."""
        assert self._state is not None
        return self._state

    async def get(self) -> ServerState:
        """At most MAX_AGE_S old. Raises Busy."""
        if asyncio.get_running_loop().time() - self._read_at > MAX_AGE_S:
            return await self._loader.load(None)
        return self.last

    async def refresh(self) -> ServerState:
        """Raises Busy if the state cannot be read."""
        reading = await self._database.read_directly(_read)
        if reading is None or reading.is_due:
            reading = await self._write(reading)
        previous, self._state = self._state, reading.state
        self._read_at = asyncio.get_running_loop().time()
        if previous and previous.epoch != reading.state.epoch:
            log.warning("server_state.new_epoch", restores=reading.state.restores)
            self.on_new_epoch()
        return reading.state

    async def _load(self, callers: Sequence[None]) -> list[ServerState]:
        return [await self.refresh()] * len(callers)

    async def _write(self, reading: Reading | None) -> Reading:
        """A database that accepts no changes has none that a client could miss: the state as it
        was read is good until it does."""
        try:
            written = await self._database.transact(update_clock)
        except ChatError as error:
            if reading is None:
                raise
            log.warning("server_state.not_written", error=error.detail)
            return reading
        if reading and written.state.clock_steps > reading.state.clock_steps:
            behind_s = (reading.clock_at - reading.now).total_seconds()
            log.warning("server_state.clock_stepped_back", seconds=round(behind_s, 1))
        return written


async def run_server_state_check(state: KnownServerState, settings: Realtime) -> None:
    """Runs forever."""
    while True:
        await asyncio.sleep(settings.change_poll_interval_ms / 1000)
        try:
            await state.refresh()
        except ChatError as error:
            log.warning("server_state.not_read", error=error.detail)


async def update_clock(uow: UnitOfWork) -> Reading:
    return await uow.server_state.update_clock()


async def begin_epoch(uow: UnitOfWork) -> ServerState:
    """For `after-restore`."""
    return await uow.server_state.begin_epoch()


async def _read(reads: DirectReads) -> Reading | None:
    return await reads.server_state.read()
