"""A device of a fault-injection run that is away for most of it."""

import asyncio
from contextlib import suppress

from tests.faults.clients import Device
from tests.faults.context import Account, RunContext

AWAY_AFTER_S = (2.0, 10.0)


class AwayDevice(Device):
    """A device that opens no rooms, goes away after a while, and comes back with its snapshot when
    the load ends."""

    def __init__(self, context: RunContext, account: Account, home: int) -> None:
        super().__init__(context, account, home, frozenset(), keeps_server=False)
        self._snapshot_rate = 1.0

    def _opens(self, room: str) -> bool:
        return False

    async def _session(self) -> None:
        if self.context.stopping.is_set():
            await super()._session()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.context.rng.uniform(*AWAY_AFTER_S)):
                await super()._session()

    async def _pause(self) -> None:
        if self.list.snapshot is not None:
            await self.context.stopping.wait()
