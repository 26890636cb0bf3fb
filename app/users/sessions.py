"""Use cases of logins: sessions, rotating refresh tokens, WebSocket tickets.

A session is a family of refresh tokens of which one is current. Using a token creates its
successor. Using it again returns the same successor while the answer may have been lost (ADR 8);
any later use revokes the family, because somebody has a copy (RFC 9700, 4.14.2).

Opening a session and ending all sessions of a user (a new password, a ban) both lock the user's row
first. So a login that was checked before them is either refused, or its session is ended with them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.application.session_lookup import BANNED, require_active
from app.core.actor import Actor
from app.core.clock import microseconds, now
from app.core.ids import new_id
from app.core.publications import Publication
from app.core.tokens import Claims, Tokens, digest, new_secret
from app.persistence.repositories.session_states import SessionState
from app.persistence.tables import RefreshToken, Session, Ticket
from app.persistence.uow import ReadSession, UnitOfWork
from app.settings import Auth
from app.wire.errors import Forbidden, InvalidGrant, NotFound, SessionEnded
from app.wire.events import PublicationKind

WRONG_PASSWORD = "Wrong username or password."  # noqa: S105  # an error message
MAX_VERIFY_ATTEMPTS = 3  # if its hash is replaced while a password is being checked


@dataclass(frozen=True, slots=True)
class Login:
    """The result of a successful login or refresh."""

    claims: Claims
    refresh_token: str


@dataclass(frozen=True, slots=True)
class VerifiedPassword:
    """The stored hash that a password matched, and a new hash if that one is outdated."""

    stored: str
    renewed: str | None = None


class HashReplaced(Exception):
    """The stored hash has changed since the password was checked against it."""


async def get_password_hash(
    reads: ReadSession, username_key: str
) -> tuple[UUID | None, str | None]:
    """The user's id and password hash; (None, None) for an unknown user."""
    user = await reads.users.by_key(username_key)
    return (user.id, user.password_hash) if user else (None, None)


async def open_session(
    uow: UnitOfWork,
    user_id: UUID,
    verified_password: VerifiedPassword | None,
    client: str,
    address: str,
    auth: Auth,
    max_sessions: int,
) -> Login:
    """Opens a session. `verified_password` is None when the caller needs no password (tests).

    Raises HashReplaced, or Forbidden if the user is banned.
    """
    at = now()
    user = await uow.users.lock(user_id)
    if user is None:
        raise InvalidGrant(WRONG_PASSWORD)
    if verified_password and user.password_hash != verified_password.stored:
        raise HashReplaced
    if user.banned_at is not None:
        raise Forbidden(BANNED)
    if verified_password and verified_password.renewed:
        user.password_hash = verified_password.renewed
    session = Session(
        id=new_id(),
        user_id=user_id,
        client=client[:200],
        address=address[:64],
        created_at=at,
        used_at=at,
        confirmed_at=at,  # this session has no earlier token
        expires_at=at + timedelta(seconds=auth.refresh_token_ttl_s),
    )
    uow.sessions.add(session)
    await uow.flush()
    for surplus in await uow.sessions.surplus_sessions(user_id, max_sessions, at):
        await _revoke(uow, surplus, user_id, at)
    token = new_secret()
    _add_token(uow, session, token)
    return _login(session, token)


async def refresh(uow: UnitOfWork, token: str, tokens: Tokens, auth: Auth) -> Login | None:
    """The next access and refresh token. If the token was reused, the session is revoked and the
    result is None; it is no error, because the revocation must be committed.

    Raises InvalidGrant if the token is unknown or expired or its session has ended, and Forbidden
    if the user is banned.
    """
    at = now()
    row = await uow.sessions.token(digest(token))
    session = await uow.sessions.lock(row.session_id) if row else None
    row = await uow.sessions.token(digest(token))  # again, now that its session is locked
    if session and session.revoked_at and await _is_banned(uow, session.user_id):
        raise Forbidden(BANNED)
    if (
        row is None
        or session is None
        or session.revoked_at
        or min(row.expires_at, session.expires_at) <= at
    ):
        raise InvalidGrant("The refresh token is unknown or expired, or its session has ended.")
    if row.used_at is None:
        row.used_at = session.used_at = at
        row.expires_at = session.expires_at = at + timedelta(seconds=auth.refresh_token_ttl_s)
        first = next(tokens.successors(token))
        _add_token(uow, session, first)
        return _login(session, first)
    in_grace = at - row.used_at <= timedelta(seconds=auth.refresh_reuse_grace_s)
    if in_grace or session.confirmed_at != session.used_at:
        successor = await _find_unused(uow, tokens.successors(token))
        if successor:
            return _login(session, successor)
    await _revoke(uow, session.id, session.user_id, at)
    return None


async def list_sessions(reads: ReadSession, actor: Actor) -> Sequence[Session]:
    return await reads.sessions.list_active(actor.user, now())


async def end_session(uow: UnitOfWork, session_id: UUID, user_id: UUID | None = None) -> None:
    """Ends a session, of this user if one is named. Repeating it changes nothing."""
    session = await uow.sessions.lock(session_id)
    if session and user_id in (None, session.user_id) and not session.revoked_at:
        await _revoke(uow, session.id, session.user_id, now())


async def revoke_session(uow: UnitOfWork, actor: Actor, session_id: UUID) -> None:
    """Ends one of the actor's sessions. Raises NotFound if the session is not the actor's."""
    session = await uow.sessions.lock(session_id)
    if session is None or session.user_id != actor.user or session.revoked_at:
        raise NotFound("You have no such session.")
    await _revoke(uow, session_id, actor.user, now())


async def end_sessions(
    uow: UnitOfWork, user_id: UUID, at: datetime, except_session: UUID | None = None
) -> None:
    """Ends all sessions of a user except one. The unit of work has locked the user's row."""
    for session_id in await uow.sessions.revoke_all(user_id, at, except_session):
        _signal_end(uow, session_id, user_id)


async def change_password(
    uow: UnitOfWork, actor: Actor, verified_password: VerifiedPassword, password_hash: str
) -> None:
    """Sets a new password and ends all sessions of the user except the actor's.

    Raises HashReplaced, or SessionEnded if this session was ended meanwhile.
    """
    user = await uow.users.lock(actor.user)
    session = await uow.sessions.lock(actor.session)
    if user is None or session is None:
        raise SessionEnded("The account is gone.")
    require_active(SessionState.from_rows(session, user))
    if user.password_hash != verified_password.stored:
        raise HashReplaced
    user.password_hash = password_hash
    await end_sessions(uow, user.id, now(), except_session=session.id)


async def issue_ticket(uow: UnitOfWork, actor: Actor, lifetime_s: int, max_tickets: int) -> str:
    """A ticket for one socket. Makes all older tickets of the session void but for the newest
    `max_tickets` - 1. Raises SessionEnded."""
    if await uow.sessions.lock(actor.session) is None:
        raise SessionEnded("This session has ended. Log in again.")
    await uow.sessions.keep_newest_tickets(actor.session, max_tickets - 1)
    ticket = new_secret()
    uow.sessions.add_ticket(
        Ticket(
            digest=digest(ticket),
            session_id=actor.session,
            expires_at=now() + timedelta(seconds=lifetime_s),
        )
    )
    return ticket


async def redeem_ticket(uow: UnitOfWork, ticket: str) -> tuple[Actor, SessionState] | None:
    """The actor of a ticket, which is consumed; None if it is unknown, used or expired.

    Raises SessionEnded, which rolls the consumption back: the ticket is useless anyway.
    """
    session_id = await uow.sessions.consume_ticket(digest(ticket), now())
    states = await uow.session_states.with_users([session_id]) if session_id else {}
    return next(((require_active(state), state) for state in states.values()), None)


async def _is_banned(reads: ReadSession, user_id: UUID) -> bool:
    user = await reads.users.get(user_id)
    return user is not None and user.banned_at is not None


async def _find_unused(uow: UnitOfWork, successors: Iterable[str]) -> str | None:
    """The successor that was issued, unless it was used. `successors` has one for each key."""
    for successor in successors:
        row = await uow.sessions.token(digest(successor))
        if row:
            return None if row.used_at else successor
    return None


def _login(session: Session, refresh_token: str) -> Login:
    claims = Claims(session.user_id, session.id, microseconds(session.used_at))
    return Login(claims, refresh_token)


async def _revoke(uow: UnitOfWork, session_id: UUID, user_id: UUID, at: datetime) -> None:
    await uow.sessions.revoke(session_id, at)
    _signal_end(uow, session_id, user_id)


def _signal_end(uow: UnitOfWork, session_id: UUID, user_id: UUID) -> None:
    uow.publish(Publication(PublicationKind.SESSION_REVOKED, session_id, 0, user_id))


def _add_token(uow: UnitOfWork, session: Session, token: str) -> None:
    uow.sessions.add_token(
        RefreshToken(digest=digest(token), session_id=session.id, expires_at=session.expires_at)
    )
