"""From a token to an actor: the same for HTTP and for sockets."""

from collections.abc import Sequence
from contextlib import suppress

from app.application.app_context import Context
from app.core.actor import Actor
from app.core.clock import microseconds, now
from app.core.tokens import Claims
from app.persistence.repositories.sessions import SessionState
from app.persistence.uow import ReadSession, UnitOfWork
from app.wire.errors import ChatError, SessionEnded

BANNED = "This account is banned. Ask an administrator of the server."


async def identify(context: Context, token: str) -> tuple[Actor, SessionState]:
    """Whom an access token speaks for. Raises Unauthenticated, TokenExpired, SessionEnded.

    The first use of an access token shows that the answer which brought it has arrived, and the
    refresh token beside it: from then on the one before is not to be used again.
    """
    claims = context.tokens.verify(token)
    actor, login = await context.actors.ask(claims)
    if login.confirmed_at != login.used_at and claims.renewal == microseconds(login.used_at):
        with suppress(ChatError):  # the next request does it
            await context.database.transact(_confirm, login)
    return actor, login


async def _confirm(uow: UnitOfWork, login: SessionState) -> None:
    await uow.sessions.confirm(login.session, login.used_at)


async def actors_of(
    reads: ReadSession, asked: Sequence[Claims]
) -> list[tuple[Actor, SessionState] | ChatError]:
    """The actors behind verified claims, and their accounts, or SessionEnded."""
    found = await reads.sessions.with_users({claims.session for claims in asked})
    return [_actor_of(found.get(claims.session), claims) for claims in asked]


def _actor_of(found: SessionState | None, claims: Claims) -> tuple[Actor, SessionState] | ChatError:
    if found is None or found.id != claims.user:
        return SessionEnded("This session has ended. Log in again.")
    try:
        return living(found), found
    except ChatError as error:
        return error


def living(login: SessionState) -> Actor:
    """Who acts in a session. Raises SessionEnded."""
    if login.banned_at is not None:
        raise SessionEnded(BANNED)
    if login.revoked_at is not None:
        raise SessionEnded("This session was ended. Log in again.")
    if login.expires_at <= now():
        raise SessionEnded("This session has expired. Log in again.")
    return Actor(login.id, login.session, login.is_admin, login.expires_at)
