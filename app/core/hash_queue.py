"""The order in which passwords are hashed. The threads that hash are in `passwords.py`."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.wire.errors import Busy, TooSlow

FAILURE_MEMORY_S = 600.0  # for this long a wrong password lowers the priority of its keys


@dataclass(eq=False, slots=True)
class _Waiter:
    keys: Sequence[str]
    turn: int
    admitted: "asyncio.Future[None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def refuse(self, error: Busy | TooSlow) -> None:
        if not self.admitted.done():
            self.admitted.set_exception(error)


class HashQueue:
    """Admits callers by the number of their keys with recent failures, then round-robin by their
    first key, then by arrival. When the queue is full, the last in that order is refused.

    Keys identify the caller: a device, or an address and an account.
    """

    def __init__(self, workers: int, max_waiting: int, wait_s: float) -> None:
        self._free, self._max_waiting, self._wait_s = workers, max_waiting, wait_s
        self._waiting: list[_Waiter] = []
        self._turn = 0  # of the caller that was admitted last
        self._failed: dict[str, float] = {}  # expiry of each key, ascending; monotonic

    async def acquire(
        self, keys: Sequence[str], disconnected: "asyncio.Future[None] | None" = None
    ) -> None:
        """Waits for a free worker, which `release` returns. Raises Busy after the timeout or when
        the queue is full, and TooSlow once `disconnected` is done."""
        waiter = self._enqueue(keys)
        if disconnected is not None:
            error = TooSlow("The client has gone.")
            disconnected.add_done_callback(lambda _: waiter.refuse(error))
        try:
            async with asyncio.timeout(self._wait_s):
                await waiter.admitted
        except TimeoutError:
            raise _busy() from None
        except asyncio.CancelledError:
            if not waiter.admitted.cancelled():  # admitted and cancelled in the same iteration
                self.release()
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def release(self) -> None:
        self._free += 1
        self._admit()

    def record_failure(self, keys: Sequence[str]) -> None:
        """Remembers that a wrong password came with these keys."""
        now = time.monotonic()
        for key in keys:
            self._failed.pop(key, None)
            self._failed[key] = now + FAILURE_MEMORY_S
        while (oldest := next(iter(self._failed), None)) and self._failed[oldest] <= now:
            del self._failed[oldest]

    def _enqueue(self, keys: Sequence[str]) -> _Waiter:
        turns = [waiter.turn for waiter in self._waiting if waiter.keys[:1] == keys[:1]]
        waiter = _Waiter(keys, max([self._turn, *turns]) + 1)
        self._waiting.append(waiter)
        self._admit()
        if len(self._waiting) > self._max_waiting:
            last = max(reversed(self._waiting), key=self._order)  # the newest of equals
            self._waiting.remove(last)
            last.refuse(_busy())
        return waiter

    def _admit(self) -> None:
        self._waiting = [waiter for waiter in self._waiting if not waiter.admitted.done()]
        while self._free and self._waiting:
            first = min(self._waiting, key=self._order)
            self._waiting.remove(first)
            self._free -= 1
            self._turn = first.turn
            first.admitted.set_result(None)

    def _order(self, waiter: _Waiter) -> tuple[int, int]:
        now = time.monotonic()
        return sum(self._failed.get(key, 0.0) > now for key in waiter.keys), waiter.turn


def _busy() -> Busy:
    return Busy("Too many passwords are being checked at once. Try again.", retry_after_ms=1000)
