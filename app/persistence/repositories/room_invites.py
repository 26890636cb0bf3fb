"""Invite links of rooms."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.repositories.member_filter import is_present
from app.persistence.room_tables import RoomInvite, RoomInviteUse
from app.persistence.tables import Member, Room, columns


class RoomInviteReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, room_id: UUID, id_: UUID) -> RoomInvite | None:
        """As it is now: a lock of the room may have been waited for since it was read."""
        query = select(RoomInvite).where(RoomInvite.room_id == room_id, RoomInvite.id == id_)
        rows = await self._session.scalars(query.execution_options(populate_existing=True))
        return rows.one_or_none()

    async def find(self, code: str) -> tuple[RoomInvite, Room] | None:
        rows = await self._session.execute(
            select(RoomInvite, Room)
            .join(Room, is_present(columns(Room), RoomInvite.room_id))
            .where(RoomInvite.code == code)
        )
        return next(((i, r) for i, r in rows if i.code == code), None)  # PAD SPACE

    async def page(self, room_id: UUID, after: UUID | None, limit: int) -> Sequence[RoomInvite]:
        """By id, so the oldest first."""
        query = (
            select(RoomInvite)
            .where(RoomInvite.room_id == room_id)
            .order_by(RoomInvite.id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(RoomInvite.id > after)
        return (await self._session.scalars(query)).all()

    async def page_of_uses(
        self, invite_id: UUID, after: UUID | None, limit: int
    ) -> Sequence[RoomInviteUse]:
        """By the ids of the users."""
        query = (
            select(RoomInviteUse)
            .where(RoomInviteUse.invite_id == invite_id)
            .order_by(RoomInviteUse.user_id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(RoomInviteUse.user_id > after)
        return (await self._session.scalars(query)).all()

    async def count_open(self, room_id: UUID, at: datetime) -> int:
        """Those that are neither revoked, nor expired, nor used up."""
        query = select(func.count()).where(
            RoomInvite.room_id == room_id,
            RoomInvite.revoked_at.is_(None),
            or_(RoomInvite.expires_at.is_(None), RoomInvite.expires_at > at),
            or_(RoomInvite.max_uses.is_(None), RoomInvite.uses < RoomInvite.max_uses),
        )
        return await self._session.scalar(query) or 0

    async def count_members(self, room_id: UUID, max_count: int) -> int:
        """Up to this number."""
        members = select(Member.user_id).where(Member.room_id == room_id).limit(max_count)
        query = select(func.count()).select_from(members.subquery())
        return await self._session.scalar(query) or 0


class RoomInvites(RoomInviteReads):
    def add(self, invite: RoomInvite) -> None:
        self._session.add(invite)

    async def note_use(self, invite: RoomInvite, user: UUID, at: datetime) -> None:
        invite.uses += 1
        await self._session.merge(RoomInviteUse(invite_id=invite.id, user_id=user, at=at))
