"""The rate limiter: limits that all processes share while they can reach each other."""

from collections.abc import Sequence
from typing import Protocol

from app.core.rate_limit import Charge, Decision, LimitKey, PolicyName


class RateLimiter(Protocol):
    def spend_local(self, policy: PolicyName, key: LimitKey, cost: int = 1) -> Decision:
        """Spends by what this process knows, without waiting. Processes exchange what was spent
        within a second, so n processes admit n bursts at worst, and over any longer time no more
        than one process would."""

    async def evaluate(self, charges: Sequence[Charge]) -> list[Decision]:
        """A decision for each charge, exact across processes. Never raises. After a bounded time,
        or while the shared store is unavailable, this process decides alone."""

    async def spend(self, policy: PolicyName, key: LimitKey, cost: int = 1) -> Decision:
        """`spend_local` for a deferred policy, else `evaluate`."""

    async def run(self) -> None:
        """Exchanges what was spent with the other processes; never returns."""

    async def stop(self) -> None:
        """Closes connections, within a bounded time."""
