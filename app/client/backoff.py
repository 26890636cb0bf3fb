"""How long to stay away: exponential, with full jitter, forgiven after a long life."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Any time up to a ceiling that doubles with every attempt: a thousand clients that lost the
    same server do not come back as one crowd. Seconds throughout.

    Only a connection that lived for `settled_s` forgives: a server that takes sockets and drops
    them at once would otherwise be asked for ever at the pace of the first attempt.
    """

    first_s: float = 0.5
    most_s: float = 30.0
    settled_s: float = 60.0
    draw: Callable[[float, float], float] = random.uniform
    _attempts: int = field(default=0, init=False)

    def next_s(self) -> float:
        ceiling = min(self.most_s, self.first_s * 2.0 ** min(self._attempts, 30))
        self._attempts += 1
        return self.draw(0.0, ceiling)

    def lived(self, seconds: float) -> bool:
        """Tell how long the last connection lived; True if that was long enough to forgive."""
        if seconds < self.settled_s:
            return False
        self._attempts = 0
        return True
