"""From a token to an actor: the same for HTTP and for sockets."""

from collections.abc import Sequence

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import ChatError, SessionEnded, Unauthenticated
from app.core.tokens import Claims
from app.persistence.tables import Session, User
from app.persistence.uow import Reader

BANNED = "This account is banned. Ask an administrator of the server."


async def actors_of(reads: Reader, asked: Sequence[Claims]) -> list[tuple[Actor, User] | ChatError]:
    """The actors behind verified claims, and their accounts. Unauthenticated if there is none,
    SessionEnded if there was one."""
    found = await reads.sessions.with_users({claims.session for claims in asked})
    return [_actor_of(found.get(claims.session), claims) for claims in asked]


def _actor_of(found: tuple[Session, User] | None, claims: Claims) -> tuple[Actor, User] | ChatError:
    if found is None or found[1].id != claims.user:
        return Unauthenticated("There is no such session. Log in again.")
    try:
        return living(*found), found[1]
    except ChatError as error:
        return error


def living(session: Session, user: User) -> Actor:
    """Who acts in a session. Raises Unauthenticated, SessionEnded."""
    if user.banned_at is not None:
        raise SessionEnded(BANNED)
    if session.revoked_at is not None:
        raise SessionEnded("This session was ended. Log in again.")
    if session.expires_at <= now():
        raise Unauthenticated("This session has expired. Log in again.")
    return Actor(user.id, session.id, user.is_admin, session.expires_at)
