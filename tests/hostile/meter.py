"""The CPU time of a server process, as the kernel counts it."""

import time
from collections.abc import Awaitable, Callable

Act = Callable[[], Awaitable[object]]


class Meter:
    """CPU time of all threads of a process.

    It counts computing and not waiting, so other processes matter only through caches and a shared
    core. They make a run more expensive, like timers of the server, and never cheaper: the minimum
    of several runs is the cost.
    """

    def __init__(self, pid: int, barrier: Act) -> None:
        self._clock = (~pid << 3) | 2  # clock_getcpuclockid(3), for a process
        self._barrier = barrier  # returns when the server has done what it was asked before

    def spent_s(self) -> float:
        return time.clock_gettime(self._clock)

    async def cost_s(self, act: Act) -> float:
        before = self.spent_s()
        await act()
        await self._barrier()
        return self.spent_s() - before
