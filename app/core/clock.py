"""The one place that reads the clock. Times are aware, UTC, with microseconds."""

import asyncio
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def now() -> datetime:
    return datetime.now(UTC)


def microseconds(at: datetime) -> int:
    """Since 1970, exactly."""
    return (at - EPOCH) // MICROSECOND


async def tick(seconds: float) -> float:
    """Sleep. Returns by how many seconds the event loop was late.

    In that time this process stood still: it was stopped, swapped out, or kept from the CPU. What
    came meanwhile is not read yet, so a deadline for a peer must not count it.
    """
    loop = asyncio.get_running_loop()
    due = loop.time() + seconds
    await asyncio.sleep(seconds)
    return max(0.0, loop.time() - due)
