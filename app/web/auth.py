"""From a token to an actor: the same for HTTP and for sockets."""

from collections.abc import Sequence

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import ChatError, SessionEnded, Unauthenticated
from app.core.tokens import Claims
from app.persistence.repositories.sessions import SessionState
from app.persistence.uow import Reader

BANNED = "This account is banned. Ask an administrator of the server."


async def actors_of(
    reads: Reader, asked: Sequence[Claims]
) -> list[tuple[Actor, SessionState] | ChatError]:
    """The actors behind verified claims, and their accounts. Unauthenticated if there is none,
    SessionEnded if there was one."""
    found = await reads.sessions.with_users({claims.session for claims in asked})
    return [_actor_of(found.get(claims.session), claims) for claims in asked]


def _actor_of(found: SessionState | None, claims: Claims) -> tuple[Actor, SessionState] | ChatError:
    if found is None or found.id != claims.user:
        return Unauthenticated("There is no such session. Log in again.")
    try:
        return living(found), found
    except ChatError as error:
        return error


def living(login: SessionState) -> Actor:
    """Who acts in a session. Raises Unauthenticated, SessionEnded."""
    if login.banned_at is not None:
        raise SessionEnded(BANNED)
    if login.revoked_at is not None:
        raise SessionEnded("This session was ended. Log in again.")
    if login.expires_at <= now():
        raise Unauthenticated("This session has expired. Log in again.")
    return Actor(login.id, login.session, login.is_admin, login.expires_at)
