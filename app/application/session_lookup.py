"""Finds the actor of an access token, for HTTP and for sockets."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

from app.application.app_context import AppContext
from app.core.actor import Actor
from app.core.clock import microseconds, now
from app.core.tokens import Claims
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.session_states import SESSION_STATES, SessionState
from app.persistence.sql.executor import Reader, Rows
from app.persistence.sql.statement import Bound
from app.persistence.uow import UnitOfWork
from app.wire.errors import ChatError, SessionEnded

P = ParamSpec("P")
T = TypeVar("T")

BANNED = "This account is banned. Ask an administrator of the server."


async def identify(context: AppContext, token: str) -> tuple[Actor, SessionState]:
    """The actor of an access token. Raises Unauthenticated, TokenExpired, SessionEnded.

    The first use of an access token confirms that the answer with it and its refresh token has
    arrived. From then on, the refresh token before counts as reused.
    """
    claims = context.tokens.verify(token)
    actor, login = await context.actor_loader.load(claims)
    await _confirm_first_use(context, claims, login)
    return actor, login


class CallerReader:
    """Puts the question for the caller's session into the first request. Nothing that was read is
    returned unless the session is active."""

    def __init__(self, reader: Reader, claims: Claims) -> None:
        self._reader, self._claims = reader, claims
        self.login: SessionState | None = None

    @property
    def is_sqlite(self) -> bool:
        return self._reader.is_sqlite

    async def read(self, *statements: Bound) -> list[Rows]:
        """Raises SessionEnded and DBAPIError."""
        if self.login is not None:
            return await self._reader.read(*statements)
        session = SESSION_STATES.bind(ids=[self._claims.session])
        [rows, *results] = await self._reader.read(session, *statements)
        caller = _to_actor(SessionState._make(rows[0]) if rows else None, self._claims)
        if isinstance(caller, ChatError):
            raise caller
        _, self.login = caller
        return results


async def read_as_caller(
    context: AppContext,
    claims: Claims,
    query: Callable[Concatenate[DirectReads, UUID, P], Awaitable[T]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """`Database.read_directly` for the user of verified claims, whose session is looked up in the
    same request to the database. Raises SessionEnded, too."""

    async def read(reads: DirectReads) -> tuple[T, SessionState | None]:
        caller = CallerReader(reads.reader, claims)
        return await query(reads.through(caller), claims.user, *args, **kwargs), caller.login

    result, login = await context.database.read_directly(read)
    assert login is not None, "the query has asked for nothing"
    await _confirm_first_use(context, claims, login)
    return result


async def _confirm_first_use(context: AppContext, claims: Claims, login: SessionState) -> None:
    if login.confirmed_at != login.used_at and claims.renewal == microseconds(login.used_at):
        with suppress(ChatError):  # the next request tries again
            await context.database.transact(_confirm, login)


async def _confirm(uow: UnitOfWork, login: SessionState) -> None:
    await uow.sessions.confirm(login.session, login.used_at)


async def load_actors(
    reads: DirectReads, requests: Sequence[Claims]
) -> list[tuple[Actor, SessionState] | ChatError]:
    """For each of the verified claims, its actor and session, or SessionEnded."""
    states = await reads.session_states.with_users({claims.session for claims in requests})
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
