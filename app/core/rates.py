"""Token buckets: so many a period, with a burst, in two numbers per key.

The arithmetic is GCRA, the virtual scheduling of ITU-T I.371: a key is early when its theoretical
arrival time lies further ahead than the burst allows. State is one float a key, and a key that has
caught up with the clock is as good as none, so that forgetting it changes nothing.
"""

import time
from collections.abc import Callable

from app.core.errors import RateLimited


class Bucket:
    """One key, such as one socket."""

    __slots__ = ("_burst_s", "_clock", "_due", "_each_s")

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._each_s = 1.0 / per_second
        self._burst_s = self._each_s * (burst - 1)
        self._clock = clock
        self._due = 0.0

    def wait_s(self) -> float:
        """Spend one: 0.0 if it was there, else the seconds until it will be (nothing is spent)."""
        now = self._clock()
        early = self._due - now - self._burst_s
        if early > 1e-9:
            return early
        self._due = max(self._due, now) + self._each_s
        return 0.0

    def idle(self) -> bool:
        return self._due <= self._clock()


class Buckets:
    """Many keys, such as users or addresses; bounded by forgetting those that are full again."""

    def __init__(self, what: str, per_second: float, burst: int, keep: int = 10_000) -> None:
        self._what, self._per_second, self._burst, self._keep = what, per_second, burst, keep
        self._of: dict[object, Bucket] = {}

    def spend(self, key: object) -> None:
        """Take one of the key's credits, or raise RateLimited."""
        bucket = self._of.get(key)
        if bucket is None:
            if len(self._of) >= self._keep:
                self._of = {k: b for k, b in self._of.items() if not b.idle()}
            bucket = self._of[key] = Bucket(self._per_second, self._burst)
        wait = bucket.wait_s()
        if wait > 0:
            raise RateLimited(
                f"Too many {self._what}: {self._per_second:g} a second are allowed, "
                f"{self._burst} at once. Wait and send it again.",
                retry_after_ms=int(wait * 1000) + 1,
            )
