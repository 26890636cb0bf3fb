"""Waiting, on a machine of any speed. tests/architecture/test_waiting.py keeps every wait here.

No test may depend on how fast the machine is: it waits until something is so, and the one limit is
much longer than anything takes, also beside other work. Whatever reaches it has not come about.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

LIMIT_S = 120.0


def limit() -> asyncio.Timeout:
    """Raises TimeoutError where something does not end."""
    return asyncio.timeout(LIMIT_S)


async def eventually(condition: Callable[[], object | Awaitable[object]]) -> None:
    """Return once the condition is true, for what announces nothing."""
    async with limit():
        while not await _value(condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def pause(seconds: float) -> None:
    """Let time pass: the rest of a simulated person between two actions, or a while in which what
    is wrong would show. On a slow machine less may happen in it, and the test has to pass all the
    same. Never a wait for something."""
    await asyncio.sleep(seconds)


async def _value(found: object) -> object:
    return await found if inspect.isawaitable(found) else found
