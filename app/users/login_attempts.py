"""The limits that wrong passwords count towards (ADR 19).

Right passwords do not count. A device that sends the token of an earlier login has a limit of its
own, so that no other device can lock it out. Any other attempt counts for its address, for the
account, and for the pair of both: one address has only a share of an account's attempts, and an
address that has used up its limit may still try each account for which it has used up none.

Accounts are counted by the username as it was sent, so the limits do not reveal which ones exist.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request

from app.application.app_context import AppContext
from app.core.rate_limit import Charge, Mode, PolicyName, address_key
from app.core.tokens import digest
from app.http.dependencies import watch_disconnect
from app.persistence.uow import ReadSession
from app.wire.user_and_room_names import normalized_name

WHOLE_BURST = 1_000_000  # a cost above the burst is admitted when the whole burst is available


@dataclass(frozen=True, slots=True)
class Attempt:
    """A password that is about to be checked, and what it costs if it is wrong."""

    charges: tuple[Charge, ...]

    @property
    def keys(self) -> list[str]:
        return [f"{charge.policy}:{charge.key}" for charge in self.charges]

    async def check(self, context: AppContext) -> None:
        """Raises LimitExceeded."""
        checks = [charge._replace(mode=Mode.CHECK) for charge in self.charges]
        decisions = await context.limiter.evaluate([*checks, checks[-1]._replace(cost=WHOLE_BURST)])
        untouched = decisions.pop()
        for decision in decisions:
            if decision.policy.name is PolicyName.LOGINS_PER_ADDRESS and not untouched.wait_s:
                continue
            decision.enforce()

    async def count(self, context: AppContext) -> None:
        await context.limiter.evaluate(
            [charge._replace(mode=Mode.COUNT) for charge in self.charges]
        )


def create_login_attempt(
    context: AppContext, username: str, address: str, device_token: str | None
) -> Attempt:
    key = normalized_name(username)
    account = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    device = context.device_tokens.identify(key, device_token) if device_token else None
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


async def find_session(reads: ReadSession, refresh_token: str) -> UUID | None:
    """The session of a current or used refresh token; None for an unknown token."""
    return await reads.sessions.get_by_token(digest(refresh_token))


def create_session_attempt(session: UUID) -> Attempt:
    """An attempt of a logged-in user whose password is checked again."""
    return Attempt((Charge(PolicyName.PASSWORD_CHECKS, session),))


async def verify_password(
    context: AppContext, request: Request, attempt: Attempt, stored: str | None, password: str
) -> bool:
    """Whether the password is right; `stored` is None for an unknown user. Raises LimitExceeded,
    Busy.

    A worker checks the limits before it hashes, and counts a wrong password before it is released.
    So the limits are exceeded at most by the number of workers.
    """
    async with watch_disconnect(request) as disconnected:
        slot = await context.passwords.acquire(attempt.keys, disconnected)
    with slot:
        await attempt.check(context)
        is_right = await slot.verify(stored, password)
        if not is_right:
            await attempt.count(context)
    return is_right
