"""What a route costs. Every route below /api names it; a test looks for those that do not."""

from fastapi import Request

from app.core.rate_limit import Key, PolicyName, address_key
from app.http.dependencies import ActorDep, ClaimsDep, ContextDep, client_address
from app.http.rate_fields import note_verdict
from app.limits.base import RateLimiter


class AccountRate:
    """A dependency: the caller's account pays for each call."""

    def __init__(self, policy: PolicyName, cost: int = 1) -> None:
        self.policy, self.cost = policy, cost

    async def __call__(self, request: Request, actor: ActorDep, context: ContextDep) -> None:
        await spend(request, context.limiter, self.policy, actor.user, self.cost)


class ClaimsRate(AccountRate):
    """The account that a token names pays, also when the token has expired: for a logout."""

    async def __call__(  # type: ignore[override]
        self, request: Request, claims: ClaimsDep, context: ContextDep
    ) -> None:
        await spend(request, context.limiter, self.policy, claims.user, self.cost)


class AddressRate:
    """A dependency: the caller's address pays, where there is no account yet."""

    def __init__(self, policy: PolicyName) -> None:
        self.policy = policy

    async def __call__(self, request: Request, context: ContextDep) -> None:
        address = address_key(client_address(request))
        await spend(request, context.limiter, self.policy, address)


async def spend(
    request: Request, limiter: RateLimiter, policy: PolicyName, key: Key, cost: int = 1
) -> None:
    """Raises LimitExceeded; else the answer tells what is left."""
    verdict = await limiter.spend(policy, key, cost)
    verdict.enforce()
    note_verdict(request.scope, verdict)


# The costs, in the words of .env.example.
READ = AccountRate(PolicyName.READS)
SEARCH = AccountRate(PolicyName.READS, 10)
SEND = AccountRate(PolicyName.SENDS)
LIGHT_WRITE = AccountRate(PolicyName.WRITES)
WRITE = AccountRate(PolicyName.WRITES, 5)
HEAVY_WRITE = AccountRate(PolicyName.WRITES, 10)
LOGOUT = ClaimsRate(PolicyName.WRITES)
REGISTER = AddressRate(PolicyName.REGISTRATIONS)
