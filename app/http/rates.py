"""What a request costs. A test checks that every route below /api has a cost."""

from fastapi import Request

from app.core.rate_limit import LimitKey, PolicyName, address_key
from app.http.dependencies import ActorDep, ClaimsDep, ContextDep, get_client_address
from app.http.rate_fields import record_decision
from app.limits.base import RateLimiter


class AccountRate:
    """A dependency that charges the caller's account."""

    def __init__(self, policy: PolicyName, cost: int = 1) -> None:
        self.policy, self.cost = policy, cost

    async def __call__(self, request: Request, actor: ActorDep, context: ContextDep) -> None:
        await spend(request, context.limiter, self.policy, actor.user, self.cost)


class ClaimsRate(AccountRate):
    """A dependency that charges the account of a token that may have expired, for a logout."""

    async def __call__(  # type: ignore[override]
        self, request: Request, claims: ClaimsDep, context: ContextDep
    ) -> None:
        await spend(request, context.limiter, self.policy, claims.user, self.cost)


class AddressRate:
    """A dependency that charges the caller's address, where there is no account yet."""

    def __init__(self, policy: PolicyName) -> None:
        self.policy = policy

    async def __call__(self, request: Request, context: ContextDep) -> None:
        address = address_key(get_client_address(request))
        await spend(request, context.limiter, self.policy, address)


async def spend(
    request: Request, limiter: RateLimiter, policy: PolicyName, key: LimitKey, cost: int = 1
) -> None:
    """Raises LimitExceeded. The RateLimit fields of the answer tell what is left."""
    decision = await limiter.spend(policy, key, cost)
    decision.enforce()
    record_decision(request.scope, decision)


# .env.example describes these costs.
READ = AccountRate(PolicyName.READS)
SEARCH = AccountRate(PolicyName.READS, 10)
SEND = AccountRate(PolicyName.SENDS)
LIGHT_WRITE = AccountRate(PolicyName.WRITES)
WRITE = AccountRate(PolicyName.WRITES, 5)
HEAVY_WRITE = AccountRate(PolicyName.WRITES, 10)
LOGOUT = ClaimsRate(PolicyName.WRITES)
REGISTER = AddressRate(PolicyName.REGISTRATIONS)
