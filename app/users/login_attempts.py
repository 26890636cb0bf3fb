"""Wrong passwords: where they count, and who has to wait for it (ADR 19).

Only wrong ones count. A device that shows the token of an earlier login is counted by itself, so
that nothing that others do keeps it out. Any other attempt counts for its address, for the account,
and for the two together: one address has only a share of an account's attempts, and an address
that has used up its own is still heard for each account for which it has used up none.

Accounts are known by what was typed, whether they exist or not, so the limits tell nothing of that.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request

from app.application.app_context import Context
from app.core.rate_limit import Charge, Mode, PolicyName, address_key
from app.core.tokens import digest
from app.http.dependencies import disconnection
from app.persistence.uow import ReadSession
from app.wire.names import normalized_name

WHOLE_BURST = 1_000_000  # what costs more than a burst is admitted when all of it is there


@dataclass(frozen=True, slots=True)
class Attempt:
    """A password that is about to be checked, and what it costs if it is wrong."""

    charges: tuple[Charge, ...]

    @property
    def keys(self) -> list[str]:
        return [f"{charge.policy}:{charge.key}" for charge in self.charges]

    async def check(self, context: Context) -> None:
        """Raises LimitExceeded."""
        checks = [charge._replace(mode=Mode.CHECK) for charge in self.charges]
        verdicts = await context.limiter.decide([*checks, checks[-1]._replace(cost=WHOLE_BURST)])
        whole = verdicts.pop()
        for verdict in verdicts:
            if verdict.policy.name is PolicyName.LOGINS_PER_ADDRESS and not whole.wait_s:
                continue
            verdict.enforce()

    async def count(self, context: Context) -> None:
        await context.limiter.decide([charge._replace(mode=Mode.COUNT) for charge in self.charges])


def login_attempt(
    context: Context, username: str, address: str, device_token: str | None
) -> Attempt:
    key = normalized_name(username)
    account = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    device = context.devices.identify(key, device_token) if device_token else None
    if device:
        return Attempt((Charge(PolicyName.LOGINS_PER_DEVICE, f"{account}:{device}"),))
    source, name = address_key(address), PolicyName
    return Attempt(
        (
            Charge(name.LOGINS_PER_ADDRESS, source),
            Charge(name.LOGINS_PER_ACCOUNT, account),
            Charge(name.LOGINS_PER_ACCOUNT_AND_ADDRESS, f"{account}:{source}"),
        )
    )


async def session_of(reads: ReadSession, refresh_token: str) -> UUID | None:
    """Whose refresh token it is or was; None if nobody ever had it."""
    return await reads.sessions.of_token(digest(refresh_token))


def session_attempt(session: UUID) -> Attempt:
    """The password is asked for again, of who is logged in."""
    return Attempt((Charge(PolicyName.PASSWORD_CHECKS, session),))


async def verify_password(
    context: Context, request: Request, attempt: Attempt, stored: str | None, password: str
) -> bool:
    """Whether it is right; `stored` is None for an unknown user. Raises LimitExceeded, Busy.

    The limits are checked when its turn comes, and it is counted before the next one has it: no
    more are wrong beyond them than there are workers.
    """
    async with disconnection(request) as gone:
        turn = await context.passwords.enter(attempt.keys, gone)
    with turn:
        await attempt.check(context)
        right = await turn.verify(stored, password)
        if not right:
            await attempt.count(context)
    return right
