"""Ending what runs in the background."""

import asyncio

CANCEL_EVERY_S = 0.1


async def end(*tasks: asyncio.Task[None]) -> None:
    """Until they are done: redis-py sends within `wait_for`, which in Python 3.11 drops a
    cancellation that comes just as it has finished."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        running = (await asyncio.wait(running, timeout=CANCEL_EVERY_S))[1]
