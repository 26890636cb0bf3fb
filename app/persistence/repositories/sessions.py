"""Logins: sessions, their refresh tokens, and WebSocket tickets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.persistence.tables import RefreshToken, Session, Ticket

# A session that was ended is kept this long: a banned user who refreshes it gets `forbidden`.
ENDED_KEPT = timedelta(days=1)
SESSIONS_PER_QUERY = 100


class SessionReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_by_token(self, digest: bytes) -> UUID | None:
        """The session of a refresh token, even if either has ended."""
        session_id: UUID | None = await self._session.scalar(
            select(RefreshToken.session_id).where(RefreshToken.digest == digest)
        )
        return session_id

    async def list_active(self, user_id: UUID, at: datetime) -> Sequence[Session]:
        """The newest first."""
        rows = await self._session.scalars(
            select(Session)
            .where(Session.user_id == user_id, _is_active(at))
            .order_by(Session.created_at.desc(), Session.id.desc())
        )
        return rows.all()


class Sessions(SessionReads):
    def add(self, session: Session) -> None:
        self._session.add(session)

    def add_token(self, token: RefreshToken) -> None:
        self._session.add(token)

    def add_ticket(self, ticket: Ticket) -> None:
        self._session.add(ticket)

    async def lock(self, session_id: UUID) -> Session | None:
        return await self._session.get(
            Session, session_id, with_for_update=True, populate_existing=True
        )

    async def token(self, digest: bytes) -> RefreshToken | None:
        return await self._session.get(RefreshToken, digest, populate_existing=True)

    async def consume_ticket(self, digest: bytes, at: datetime) -> UUID | None:
        """Delete a ticket, and return its session; None if the ticket does not exist."""
        ticket = await self._session.get(Ticket, digest, with_for_update=True)
        if ticket is None:
            return None
        await self._session.delete(ticket)
        return ticket.session_id if ticket.expires_at > at else None

    async def confirm(self, session_id: UUID, used_at: datetime) -> None:
        """The answer to the renewal at `used_at` has arrived; ignored after a later renewal."""
        await self._session.execute(
            update(Session)
            .where(Session.id == session_id, Session.used_at == used_at)
            .values(confirmed_at=used_at)
        )

    async def revoke(self, session_id: UUID, at: datetime) -> None:
        await self._session.execute(
            update(Session)
            .where(Session.id == session_id, Session.revoked_at.is_(None))
            .values(_ended(at))
        )

    async def revoke_all(self, user_id: UUID, at: datetime, keep: UUID | None) -> Sequence[UUID]:
        """End the user's active sessions except `keep`. Returns the ended ones."""
        rows = await self._session.scalars(
            select(Session.id)
            .where(Session.user_id == user_id, _is_active(at))
            .order_by(Session.id)
            .with_for_update()
        )
        ended = [session_id for session_id in rows if session_id != keep]
        if ended:
            await self._session.execute(
                update(Session).where(Session.id.in_(ended)).values(_ended(at))
            )
        return ended

    async def keep_newest_tickets(self, session_id: UUID, max_tickets: int) -> None:
        """Delete the older ones of this session, which is locked."""
        query = select(Ticket.expires_at, Ticket.digest).where(Ticket.session_id == session_id)
        tickets = sorted((await self._session.execute(query)).all(), reverse=True)
        await self._delete(Ticket.digest, [digest for _, digest in tickets[max_tickets:]])

    async def delete_tickets(self, expired_before: datetime, max_rows: int) -> bool:
        """Returns whether there may be more. Skips rows that another transaction is deleting, as
        the two methods below do."""
        return await self._delete_some(Ticket.digest, Ticket.expires_at <= expired_before, max_rows)

    async def delete_refresh_tokens(self, expired_before: datetime, max_rows: int) -> bool:
        expired = RefreshToken.expires_at <= expired_before
        return await self._delete_some(RefreshToken.digest, expired, max_rows)

    async def delete_sessions(self, expired_before: datetime, max_rows: int) -> bool:
        """With their refresh tokens, which count as rows."""
        expired = Session.expires_at <= expired_before
        ids = await self._lock_some(Session.id, expired, SESSIONS_PER_QUERY)
        of_these = RefreshToken.session_id.in_(ids)
        if ids and await self._delete_some(RefreshToken.digest, of_these, max_rows):
            return True
        await self._delete(Session.id, ids)
        return len(ids) == SESSIONS_PER_QUERY

    async def _delete_some(
        self, key: InstrumentedAttribute[Any], condition: ColumnElement[bool], max_rows: int
    ) -> bool:
        """Delete at most `max_rows`. True: there may be more."""
        keys = await self._lock_some(key, condition, max_rows)
        await self._delete(key, keys)
        return len(keys) == max_rows

    async def _lock_some(
        self, key: InstrumentedAttribute[Any], condition: ColumnElement[bool], max_rows: int
    ) -> Sequence[Any]:
        query = select(key).where(condition).limit(max_rows).with_for_update(skip_locked=True)
        return (await self._session.scalars(query)).all()

    async def _delete(self, key: InstrumentedAttribute[Any], keys: Sequence[Any]) -> None:
        if keys:
            await self._session.execute(delete(key.class_).where(key.in_(keys)))

    async def surplus_sessions(self, user_id: UUID, keep: int, at: datetime) -> Sequence[UUID]:
        """The active sessions beyond `keep`, the least recently used first."""
        active_count = await self._session.scalar(
            select(func.count(Session.id)).where(Session.user_id == user_id, _is_active(at))
        )
        surplus = (active_count or 0) - keep
        if surplus <= 0:
            return ()
        rows = await self._session.scalars(
            select(Session.id)
            .where(Session.user_id == user_id, _is_active(at))
            .order_by(Session.used_at, Session.id)
            .limit(surplus)
        )
        return rows.all()


def _is_active(at: datetime) -> ColumnElement[bool]:
    return and_(Session.revoked_at.is_(None), Session.expires_at > at)


def _ended(at: datetime) -> dict[str, Any]:
    """Values of a session that ends now. It is deleted when it would have expired, or sooner."""
    until = at + ENDED_KEPT
    sooner = case((Session.expires_at > until, until), else_=Session.expires_at)
    return {"revoked_at": at, "expires_at": sooner}
