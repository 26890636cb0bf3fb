"""A process that counts messages step by step.

In each batch, after its effects and before the COMMIT, it prints a line and waits for one. It stops
in order at the end of its input.
"""

import asyncio
import sys
from collections.abc import Sequence

from app.bootstrap import open_database
from app.bus.memory import MemoryBus
from app.consumers import runner
from app.consumers.runner import run_consumers
from app.consumers.statistics import MessageStatistics
from app.persistence.repositories.consumers import LogRange
from app.persistence.uow import UnitOfWork
from app.settings import load_settings
from testkit.waiting import LIMIT_S


class Stepwise(MessageStatistics):
    max_events = 4

    def __init__(self, lines: asyncio.Queue[bytes]) -> None:
        self._lines = lines

    async def handle(self, uow: UnitOfWork, ranges: Sequence[LogRange]) -> None:
        await super().handle(uow, ranges)
        sys.stdout.write("handled\n")
        sys.stdout.flush()
        await self._lines.get()


async def main() -> None:
    runner.RELEASE_S = LIMIT_S
    settings = load_settings()
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with (
        open_database(settings) as database,
        run_consumers([Stepwise(lines)], database, MemoryBus(), settings.consumers),
    ):
        async for line in reader:
            lines.put_nowait(line)


asyncio.run(main())
