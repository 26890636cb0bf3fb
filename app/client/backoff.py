"""Exponential backoff with full jitter, reset after a connection that lasted."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """A random pause up to a ceiling that doubles with every attempt, so that a thousand clients
    that lost the same server do not reconnect at once. All values are seconds.

    Only a connection that lasted `stable_s` resets the ceiling: otherwise a server that accepts
    sockets and drops them at once would be dialled at the pace of the first attempt for ever.
    """

    initial_s: float = 0.5
    max_s: float = 30.0
    stable_s: float = 60.0
    draw: Callable[[float, float], float] = random.uniform
    _attempts: int = field(default=0, init=False)

    def next_s(self) -> float:
        ceiling = min(self.max_s, self.initial_s * 2.0 ** min(self._attempts, 30))
        self._attempts += 1
        return self.draw(0.0, ceiling)

    def reset_after(self, seconds: float) -> bool:
        """Reset if the last connection lasted long enough; returns whether it did."""
        if seconds < self.stable_s:
            return False
        self._attempts = 0
        return True
