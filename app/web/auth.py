"""From a token to an actor: the same for HTTP and for sockets."""

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import Unauthenticated
from app.core.tokens import Claims
from app.persistence.uow import Reader


async def actor_of(reads: Reader, claims: Claims) -> Actor:
    """The actor behind verified claims. Raises Unauthenticated if the session has ended since."""
    found = await reads.sessions.live(claims.session, now())
    if found is None or found[1].id != claims.user:
        raise Unauthenticated("This session was ended or has expired. Log in again.")
    session, user = found
    return Actor(user.id, session.id, user.is_admin, session.expires_at)
