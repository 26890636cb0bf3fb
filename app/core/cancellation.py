"""Ends background tasks."""

import asyncio

CANCEL_INTERVAL_S = 0.1


async def cancel_and_wait(*tasks: asyncio.Task[None]) -> None:
    """Cancels repeatedly until all tasks are done: redis-py uses `wait_for`, which in Python 3.11
    drops a cancellation that arrives just as the awaited call finishes."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        running = (await asyncio.wait(running, timeout=CANCEL_INTERVAL_S))[1]
