"""The limits of one process."""

import asyncio
from collections.abc import Mapping, Sequence

from app.core.rate_limit import Charge, Decision, LimitKey, LocalLimits, Policy, PolicyName


class MemoryRateLimiter:
    def __init__(self, policies: Mapping[PolicyName, Policy]) -> None:
        self._policies = policies
        self.limits = LocalLimits()

    def spend_local(self, policy: PolicyName, key: LimitKey, cost: int = 1) -> Decision:
        return self.limits.evaluate(self._policies[policy], key, cost)

    async def evaluate(self, charges: Sequence[Charge]) -> list[Decision]:
        return [
            self.limits.evaluate(self._policies[policy], key, cost, mode)
            for policy, key, cost, mode in charges
        ]

    async def spend(self, policy: PolicyName, key: LimitKey, cost: int = 1) -> Decision:
        return self.spend_local(policy, key, cost)

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        pass
