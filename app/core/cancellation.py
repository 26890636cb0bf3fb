"""Ends background tasks, and notices that one was ended."""

import asyncio
from typing import Any

CANCEL_INTERVAL_S = 0.1


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancels repeatedly until all tasks are done: redis-py uses `wait_for`, which in Python 3.11
    drops a cancellation that arrives just as the awaited call finishes."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        running = (await asyncio.wait(running, timeout=CANCEL_INTERVAL_S))[1]


def reraise_cancellation() -> None:
    """Raise CancelledError if this task was cancelled, whatever became of the cancellation.

    asyncmy waits with `asyncio.wait_for`, and that of Python 3.11 swallows a cancellation which
    arrives together with its result. A worker that goes on then would keep the server from ending.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
