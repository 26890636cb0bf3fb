"""Who hashes a password next. No threads here: `passwords.py` has them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.wire.errors import Busy, TooSlow

FAILED_S = 600.0  # how long a wrong password puts its keys behind others


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
    """Admits those first whose keys have failed least, then one key after the other in turn, then
    the first come. When it is full, the last in that order is refused.

    Keys say who asks, such as a device, or an address and an account; the first takes the turns.
    """

    def __init__(self, workers: int, max_waiting: int, wait_s: float) -> None:
        self._free, self._max_waiting, self._wait_s = workers, max_waiting, wait_s
        self._waiting: list[_Waiter] = []
        self._turn = 0  # of the last one that was admitted
        self._failed: dict[str, float] = {}  # until when, the soonest first; monotonic

    async def enter(self, keys: Sequence[str], gone: "asyncio.Future[None] | None" = None) -> None:
        """Return when there is a free worker, which `leave` gives back. Raises Busy if it takes too
        long, or others go first; TooSlow once `gone` is done: the client does not wait any more."""
        waiter = self._enqueue(keys)
        if gone is not None:
            gone.add_done_callback(lambda _: waiter.refuse(TooSlow("The client has gone.")))
        try:
            async with asyncio.timeout(self._wait_s):
                await waiter.admitted
        except TimeoutError:
            raise _busy() from None
        except asyncio.CancelledError:
            if not waiter.admitted.cancelled():  # it was admitted in the same moment
                self.leave()
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def leave(self) -> None:
        self._free += 1
        self._admit()

    def fail(self, keys: Sequence[str]) -> None:
        """A wrong password came with these keys."""
        now = time.monotonic()
        for key in keys:
            self._failed.pop(key, None)
            self._failed[key] = now + FAILED_S
        while (oldest := next(iter(self._failed), None)) and self._failed[oldest] <= now:
            del self._failed[oldest]

    def _enqueue(self, keys: Sequence[str]) -> _Waiter:
        turns = [waiter.turn for waiter in self._waiting if waiter.keys[:1] == keys[:1]]
        waiter = _Waiter(keys, max([self._turn, *turns]) + 1)
        self._waiting.append(waiter)
        self._admit()
        if len(self._waiting) > self._max_waiting:
            last = max(reversed(self._waiting), key=self._order)  # of equals the newest
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
