"""A process that does what is due, step by step.

Of each item, after its effects and before the COMMIT, it prints a line and waits for one.
"""

import asyncio
import sys

from app.bootstrap import open_database
from app.persistence.uow import UnitOfWork
from app.scheduling import job
from app.settings import load_settings
from testkit.limits import LIMITS


async def main() -> None:
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    flush = UnitOfWork.flush

    async def flush_and_wait(uow: UnitOfWork) -> None:
        await flush(uow)
        if uow.publications:
            sys.stdout.write("handled\n")
            sys.stdout.flush()
            await lines.get()

    UnitOfWork.flush = flush_and_wait  # type: ignore[assignment,method-assign]
    settings = load_settings()
    async with open_database(settings) as database:
        running = asyncio.create_task(job.run_scheduling(database, settings.scheduling, LIMITS))
        async for line in reader:
            lines.put_nowait(line)
        running.cancel()


asyncio.run(main())
