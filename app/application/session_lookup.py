"""Finds the actor of an access token, for HTTP and for sockets."""

from collections.abc import Sequence
from contextlib import suppress

from app.application.app_context import AppContext
from app.core.actor import Actor
from app.core.clock import microseconds, now
from app.core.tokens import Claims
from app.persistence.repositories.sessions import SessionState
from app.persistence.uow import ReadSession, UnitOfWork
from app.wire.errors import ChatError, SessionEnded

BANNED = "This account is banned. Ask an administrator of the server."


async def identify(context: AppContext, token: str) -> tuple[Actor, SessionState]:
    """The actor of an access token. Raises Unauthenticated, TokenExpired, SessionEnded.

    The first use of an access token confirms that the answer with it and its refresh token has
    arrived. From then on, the refresh token before counts as reused.
    """
    claims = context.tokens.verify(token)
    actor, login = await context.actor_loader.load(claims)
    if login.confirmed_at != login.used_at and claims.renewal == microseconds(login.used_at):
        with suppress(ChatError):  # the next request tries again
            await context.database.transact(_confirm, login)
    return actor, login


async def _confirm(uow: UnitOfWork, login: SessionState) -> None:
    await uow.sessions.confirm(login.session, login.used_at)


async def load_actors(
    reads: ReadSession, requests: Sequence[Claims]
) -> list[tuple[Actor, SessionState] | ChatError]:
    """For each of the verified claims, its actor and session, or SessionEnded."""
    states = await reads.sessions.with_users({claims.session for claims in requests})
    return [_to_actor(states.get(claims.session), claims) for claims in requests]


def _to_actor(state: SessionState | None, claims: Claims) -> tuple[Actor, SessionState] | ChatError:
    if state is None or state.id != claims.user:
        return SessionEnded("This session has ended. Log in again.")
    try:
        return require_active(state), state
    except ChatError as error:
        return error


def require_active(login: SessionState) -> Actor:
    """The actor of a session. Raises SessionEnded if the session is not active."""
    if login.banned_at is not None:
        raise SessionEnded(BANNED)
    if login.revoked_at is not None:
        raise SessionEnded("This session was ended. Log in again.")
    if login.expires_at <= now():
        raise SessionEnded("This session has expired. Log in again.")
    return Actor(login.id, login.session, login.is_admin, login.expires_at)
