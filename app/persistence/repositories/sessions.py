"""Logins: sessions, their refresh tokens, and WebSocket tickets."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.tables import RefreshToken, Session, Ticket, User


class SessionReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def with_user(self, session_id: UUID) -> tuple[Session, User] | None:
        """The session, living or not, and its user."""
        return (await self.with_users([session_id])).get(session_id)

    async def with_users(self, ids: Iterable[UUID]) -> dict[UUID, tuple[Session, User]]:
        """Those sessions, living or not, and their users."""
        rows = await self._session.execute(
            select(Session, User)
            .join(User, User.id == Session.user_id)
            .where(Session.id.in_(list(ids)))
        )
        return {session.id: (session, user) for session, user in rows}

    async def live_among(self, ids: Iterable[UUID], at: datetime) -> set[UUID]:
        """Those whose user is not banned, and that are neither revoked nor expired."""
        return set(
            await self._session.scalars(
                select(Session.id)
                .join(User, User.id == Session.user_id)
                .where(Session.id.in_(list(ids)), _alive(at), User.banned_at.is_(None))
            )
        )

    async def are_live(self, ids: Collection[UUID], at: datetime) -> bool:
        """All of them, each named once; cheaper than to have their ids sent back."""
        found = await self._session.scalar(
            select(func.count())
            .select_from(Session)
            .join(User, User.id == Session.user_id)
            .where(Session.id.in_(list(ids)), _alive(at), User.banned_at.is_(None))
        )
        return found == len(ids)

    async def of_user(self, user_id: UUID, at: datetime) -> Sequence[Session]:
        """The living ones, the newest first."""
        found = await self._session.scalars(
            select(Session)
            .where(Session.user_id == user_id, _alive(at))
            .order_by(Session.created_at.desc(), Session.id.desc())
        )
        return found.all()


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

    async def take_ticket(self, digest: bytes, at: datetime) -> UUID | None:
        """The session of a ticket, which is gone from then on; None if there is no such ticket."""
        ticket = await self._session.get(Ticket, digest, with_for_update=True)
        if ticket is None:
            return None
        await self._session.delete(ticket)
        return ticket.session_id if ticket.expires_at > at else None

    async def revoke(self, session_id: UUID, at: datetime) -> None:
        await self._session.execute(
            update(Session)
            .where(Session.id == session_id, Session.revoked_at.is_(None))
            .values(revoked_at=at)
        )

    async def revoke_all(self, user_id: UUID, at: datetime, keep: UUID | None) -> Sequence[UUID]:
        """End the user's living sessions but `keep`. Those that were ended."""
        found = await self._session.scalars(
            select(Session.id)
            .where(Session.user_id == user_id, _alive(at))
            .order_by(Session.id)
            .with_for_update()
        )
        ended = [session_id for session_id in found if session_id != keep]
        if ended:
            await self._session.execute(
                update(Session).where(Session.id.in_(ended)).values(revoked_at=at)
            )
        return ended

    async def forget_expired(self, user_id: UUID, at: datetime) -> None:
        """Sessions past their end, with their tokens and tickets."""
        await self._session.execute(
            delete(Session).where(Session.user_id == user_id, Session.expires_at <= at)
        )

    async def forget_tickets(self, session_id: UUID, at: datetime) -> None:
        """Tickets of this session that nobody used in time."""
        await self._session.execute(
            delete(Ticket).where(Ticket.session_id == session_id, Ticket.expires_at <= at)
        )

    async def oldest_beyond(self, user_id: UUID, keep: int, at: datetime) -> Sequence[UUID]:
        """The living sessions that are more than `keep`, the least recently used first."""
        living = await self._session.scalar(
            select(func.count(Session.id)).where(Session.user_id == user_id, _alive(at))
        )
        surplus = (living or 0) - keep
        if surplus <= 0:
            return ()
        found = await self._session.scalars(
            select(Session.id)
            .where(Session.user_id == user_id, _alive(at))
            .order_by(Session.used_at, Session.id)
            .limit(surplus)
        )
        return found.all()


def _alive(at: datetime) -> ColumnElement[bool]:
    return and_(Session.revoked_at.is_(None), Session.expires_at > at)
