"""Use cases of logins: sessions, rotating refresh tokens, WebSocket tickets.

A session is a family of refresh tokens of which one is current. Using a token makes its successor;
using it again returns the same successor while the answer may have been lost (ADR 8), and any later
use revokes the family, because somebody has a copy (RFC 9700, 4.14.2).

What ends all sessions of a user (another password, a ban) and what opens one lock the user's row
first: a login that was checked before is refused after it, or its session is one of those ended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.application.session_lookup import BANNED, living
from app.core.actor import Actor
from app.core.clock import microseconds, now
from app.core.ids import new_id
from app.core.publications import Publication
from app.core.tokens import Claims, Tokens, digest, new_secret
from app.persistence.repositories.sessions import SessionState
from app.persistence.tables import RefreshToken, Session, Ticket
from app.persistence.uow import ReadSession, UnitOfWork
from app.settings import Auth
from app.wire.errors import Forbidden, InvalidGrant, NotFound, SessionEnded
from app.wire.events import PublicationKind

WRONG_PASSWORD = "Wrong username or password."  # noqa: S105  # what is said of one
LOOKS = 3  # at a password whose hash is replaced while it is being checked


@dataclass(frozen=True, slots=True)
class Login:
    """What a successful login or refresh hands out."""

    claims: Claims
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The hash that a password was found to match, and the one that replaces an outdated one."""

    stored: str
    renewed: str | None = None


class HashReplaced(Exception):
    """The stored hash is not the one that was checked: another password, or only renewed."""


async def password_of(reads: ReadSession, username_key: str) -> tuple[UUID | None, str | None]:
    """The user and the hash to check against; (None, None) for an unknown user."""
    user = await reads.users.by_key(username_key)
    return (user.id, user.password_hash) if user else (None, None)


async def open_session(
    uow: UnitOfWork,
    user_id: UUID,
    proof: Proof | None,
    client: str,
    address: str,
    auth: Auth,
    keep: int,
) -> Login:
    """A session for a user whose password was right; no `proof`: for whom none was asked.

    Raises HashReplaced, or Forbidden for who is banned.
    """
    at = now()
    user = await uow.users.lock(user_id)
    if user is None:
        raise InvalidGrant(WRONG_PASSWORD)
    if proof and user.password_hash != proof.stored:
        raise HashReplaced
    if user.banned_at is not None:
        raise Forbidden(BANNED)
    if proof and proof.renewed:
        user.password_hash = proof.renewed
    session = Session(
        id=new_id(),
        user_id=user_id,
        client=client[:200],
        address=address[:64],
        created_at=at,
        used_at=at,
        confirmed_at=at,  # there is no token before these
        expires_at=at + timedelta(seconds=auth.refresh_token_ttl_s),
    )
    uow.sessions.add(session)
    await uow.flush()
    for surplus in await uow.sessions.oldest_beyond(user_id, keep, at):
        await _revoke(uow, surplus, user_id, at)
    token = new_secret()
    _add_token(uow, session, token)
    return _login(session, token)


async def refresh(uow: UnitOfWork, token: str, tokens: Tokens, auth: Auth) -> Login | None:
    """The next access and refresh token. None if the token was reused: the session is then revoked,
    which has to be committed, so that this is a result and not an error.

    Raises InvalidGrant for a token that is unknown, expired or of a session that has ended,
    Forbidden for one of a user who is banned.
    """
    at = now()
    row = await uow.sessions.token(digest(token))
    session = await uow.sessions.lock(row.session_id) if row else None
    row = await uow.sessions.token(digest(token))  # as it is now that the session is ours
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
    return await reads.sessions.of_user(actor.user, now())


async def log_out(uow: UnitOfWork, claims: Claims) -> None:
    """End the session of an access token; again changes nothing."""
    session = await uow.sessions.lock(claims.session)
    if session and session.user_id == claims.user and not session.revoked_at:
        await _revoke(uow, session.id, session.user_id, now())


async def revoke_session(uow: UnitOfWork, actor: Actor, session_id: UUID) -> None:
    """End one of the actor's sessions. Raises NotFound for anybody else's."""
    session = await uow.sessions.lock(session_id)
    if session is None or session.user_id != actor.user or session.revoked_at:
        raise NotFound("You have no such session.")
    await _revoke(uow, session_id, actor.user, now())


async def end_sessions(
    uow: UnitOfWork, user_id: UUID, at: datetime, keep: UUID | None = None
) -> None:
    """End all sessions of a user, whose row this unit of work has locked, but `keep`."""
    for session_id in await uow.sessions.revoke_all(user_id, at, keep):
        _signal_end(uow, session_id, user_id)


async def change_password(uow: UnitOfWork, actor: Actor, proof: Proof, password_hash: str) -> None:
    """A new password, which ends all sessions but the actor's: who knew the old one is out.

    Raises HashReplaced, or SessionEnded if this session was ended meanwhile.
    """
    user = await uow.users.lock(actor.user)
    session = await uow.sessions.lock(actor.session)
    if user is None or session is None:
        raise SessionEnded("The account is gone.")
    living(SessionState.of(session, user))
    if user.password_hash != proof.stored:
        raise HashReplaced
    user.password_hash = password_hash
    await end_sessions(uow, user.id, now(), keep=session.id)


async def issue_ticket(uow: UnitOfWork, actor: Actor, lifetime_s: int, max_tickets: int) -> str:
    """A ticket for one socket, the newest of `max_tickets` that a session has at a time; older
    ones are void. Raises SessionEnded."""
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
    """Who a ticket speaks for; None if it is unknown, used or too old. It is gone then, too.

    Raises SessionEnded: the ticket stays, of a session that opens nothing.
    """
    session_id = await uow.sessions.take_ticket(digest(ticket), now())
    found = await uow.sessions.with_users([session_id]) if session_id else {}
    return next(((living(login), login) for login in found.values()), None)


async def _is_banned(reads: ReadSession, user_id: UUID) -> bool:
    user = await reads.users.get(user_id)
    return user is not None and user.banned_at is not None


async def _find_unused(uow: UnitOfWork, successors: Iterable[str]) -> str | None:
    """Which of these was handed out, if it was not used; they are one token by several keys."""
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
    uow.signal(Publication(PublicationKind.SESSION_REVOKED, session_id, 0, user_id))


def _add_token(uow: UnitOfWork, session: Session, token: str) -> None:
    uow.sessions.add_token(
        RefreshToken(digest=digest(token), session_id=session.id, expires_at=session.expires_at)
    )
