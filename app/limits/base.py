"""The rate limiter: one limit for all processes, as far as they can talk to each other."""

from collections.abc import Sequence
from typing import Protocol

from app.core.rate_limit import Charge, Key, PolicyName, Verdict


class RateLimiter(Protocol):
    def take(self, policy: PolicyName, key: Key, cost: int = 1) -> Verdict:
        """Spend what this process knows to be there. Never waits; other processes learn of it
        within a second, and this one of theirs: n processes admit n bursts at worst, and over any
        longer time no more than one process would."""

    async def decide(self, charges: Sequence[Charge]) -> list[Verdict]:
        """A verdict for each charge, exact across processes. Never raises; within a bounded time,
        after which, or while the processes cannot talk, it is that of this process alone."""

    async def spend(self, policy: PolicyName, key: Key, cost: int = 1) -> Verdict:
        """`take` for a deferred policy, else `decide`."""

    async def run(self) -> None:
        """Runs for ever: keeps the processes in step."""

    async def stop(self) -> None:
        """Let go of what it holds, within a bounded time."""
