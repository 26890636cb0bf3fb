"""Logins: sessions, their refresh tokens, and WebSocket tickets."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.tables import Member, RefreshToken, Session, Ticket, User, columns
from app.persistence.types import DatabaseTime

_S, _U, _M = columns(Session), columns(User), columns(Member)
_THESE = _S.id.in_(bindparam("ids", expanding=True))
_WITH_USERS = (
    select(
        *(_S.id, _S.expires_at, _S.revoked_at, _U.banned_at),
        *(_U.id, _U.username, _U.display_name, _U.is_admin),
    )
    .join_from(_S.id.table, _U.id.table, _U.id == _S.user_id)
    .where(_THESE)
)
_IS_LIVE = and_(_S.revoked_at.is_(None), _S.expires_at > bindparam("at"), _U.banned_at.is_(None))
_LIVE = (
    select(_S.id).join_from(_S.id.table, _U.id.table, _U.id == _S.user_id).where(_THESE, _IS_LIVE)
)
_COUNT_LIVE = _LIVE.with_only_columns(func.count())
_ARRIVING = (
    select(_S.id, DatabaseTime(), _M.room_id)
    .select_from(
        _S.id.table.join(_U.id.table, _U.id == _S.user_id).outerjoin(
            _M.room_id.table, _M.user_id == _S.user_id
        )
    )
    .where(_THESE, _IS_LIVE)
)


class SessionState(NamedTuple):
    """A session, living or not, and what one knows of its user (`id` and what follows)."""

    session: UUID
    expires_at: datetime
    revoked_at: datetime | None
    banned_at: datetime | None
    id: UUID
    username: str
    display_name: str
    is_admin: bool

    @classmethod
    def of(cls, session: Session, user: User) -> "SessionState":
        return cls(
            *(session.id, session.expires_at, session.revoked_at, user.banned_at),
            *(user.id, user.username, user.display_name, user.is_admin),
        )


class SessionReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def with_users(self, ids: Iterable[UUID]) -> dict[UUID, SessionState]:
        """Those sessions and their users."""
        rows = await self._session.execute(_WITH_USERS, {"ids": list(ids)})
        return {row[0]: SessionState._make(row) for row in rows}

    async def live_among(self, ids: Iterable[UUID], at: datetime) -> set[UUID]:
        """Those whose user is not banned, and that are neither revoked nor expired."""
        return set(await self._session.scalars(_LIVE, {"ids": list(ids), "at": at}))

    async def arriving(
        self, ids: Iterable[UUID], at: datetime
    ) -> dict[UUID, tuple[datetime, set[UUID]]]:
        """Of those that `live_among` would find: the database's time when this was asked, and the
        rooms that their users were in."""
        found: dict[UUID, tuple[datetime, set[UUID]]] = {}
        for session, time, room in await self._session.execute(
            _ARRIVING, {"ids": list(ids), "at": at}
        ):
            _, rooms = found.setdefault(session, (time, set()))
            if room is not None:
                rooms.add(room)
        return found

    async def are_live(self, ids: Collection[UUID], at: datetime) -> bool:
        """All of them, each named once; cheaper than to have their ids sent back."""
        found = await self._session.scalar(_COUNT_LIVE, {"ids": list(ids), "at": at})
        return bool(found == len(ids))

    async def of_token(self, digest: bytes) -> UUID | None:
        """The session that a refresh token is or was of, whatever has become of both."""
        found: UUID | None = await self._session.scalar(
            select(RefreshToken.session_id).where(RefreshToken.digest == digest)
        )
        return found

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
