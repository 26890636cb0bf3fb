"""The limits of one process."""

import asyncio
from collections.abc import Mapping, Sequence

from app.core.rate_limit import Charge, Key, LocalLimits, Policy, PolicyName, Verdict


class MemoryRateLimiter:
    def __init__(self, policies: Mapping[PolicyName, Policy]) -> None:
        self._policies = policies
        self.limits = LocalLimits()

    def take(self, policy: PolicyName, key: Key, cost: int = 1) -> Verdict:
        return self.limits.decide(self._policies[policy], key, cost)

    async def decide(self, charges: Sequence[Charge]) -> list[Verdict]:
        return [
            self.limits.decide(self._policies[policy], key, cost, mode)
            for policy, key, cost, mode in charges
        ]

    async def spend(self, policy: PolicyName, key: Key, cost: int = 1) -> Verdict:
        return self.take(policy, key, cost)

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        pass
