"""Waiting on a machine of any speed. tests/architecture/test_waiting.py keeps all waits here.

Tests wait for conditions, with one limit that is much longer than anything takes, even on a busy
machine.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

LIMIT_S = 120.0


def limit(times: int = 1) -> asyncio.Timeout:
    """Raises TimeoutError if the block does not end. `times` the limit is for what takes a minute
    on a machine that does nothing else."""
    return asyncio.timeout(times * LIMIT_S)


async def eventually(condition: Callable[[], object | Awaitable[object]]) -> None:
    """Return once the condition is true."""
    async with limit():
        while not await _value(condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def pause(seconds: float) -> None:
    """Let time pass: between two actions of a simulated user, or while a defect could show. On a
    slow machine less happens meanwhile, and the test has to pass all the same. Never use it to wait
    for something."""
    await asyncio.sleep(seconds)


async def _value(found: object) -> object:
    return await found if inspect.isawaitable(found) else found
