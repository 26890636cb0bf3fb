"""The only module that reads the wall clock. Times are aware, in UTC, with microseconds."""

import asyncio
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def now() -> datetime:
    return datetime.now(UTC)


def microseconds(at: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (at - EPOCH) // MICROSECOND


async def tick(seconds: float) -> float:
    """Sleeps. Returns by how many seconds the event loop was late.

    For that time the process was stopped, swapped out or without CPU, and bytes that arrived are
    not read yet, so a peer's deadline must be extended by it.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    await asyncio.sleep(seconds)
    return max(0.0, loop.time() - deadline)
