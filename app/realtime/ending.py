"""How a worker notices that it was told to end."""

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError if this task was cancelled, whatever became of the cancellation.

    asyncmy waits with `asyncio.wait_for`, and that of Python 3.11 swallows a cancellation which
    arrives together with its result. A loop that goes on then would keep the server from ending.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
