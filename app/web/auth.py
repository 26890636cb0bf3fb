"""From a token to an actor: the same for HTTP and for sockets."""

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import SessionEnded, Unauthenticated
from app.core.tokens import Claims
from app.persistence.tables import Session, User
from app.persistence.uow import Reader

BANNED = "This account is banned. Ask an administrator of the server."


async def actor_of(reads: Reader, claims: Claims) -> Actor:
    """The actor behind verified claims. Raises Unauthenticated; SessionEnded if it has been."""
    found = await reads.sessions.with_user(claims.session)
    if found is None or found[1].id != claims.user:
        raise Unauthenticated("There is no such session. Log in again.")
    return living(*found)


def living(session: Session, user: User) -> Actor:
    """Who acts in a session. Raises as `actor_of`."""
    if user.banned_at is not None:
        raise SessionEnded(BANNED)
    if session.revoked_at is not None:
        raise SessionEnded("This session was ended. Log in again.")
    if session.expires_at <= now():
        raise Unauthenticated("This session has expired. Log in again.")
    return Actor(user.id, session.id, user.is_admin, session.expires_at)
