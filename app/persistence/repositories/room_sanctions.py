"""Bans and time-outs in rooms."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.room_tables import RoomSanction


class RoomSanctionReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, room_id: UUID, kind: str, user_id: UUID) -> RoomSanction | None:
        return await self._session.get(RoomSanction, (room_id, kind, user_id))

    async def list_active(
        self, room_id: UUID, users: Iterable[UUID], at: datetime
    ) -> Sequence[RoomSanction]:
        """Those against these users, of all kinds."""
        query = select(RoomSanction).where(
            RoomSanction.room_id == room_id,
            RoomSanction.user_id.in_(list(users)),
            or_(RoomSanction.until.is_(None), RoomSanction.until > at),
        )
        return (await self._session.scalars(query)).all()

    async def page(
        self, room_id: UUID, kind: str, after: UUID | None, limit: int
    ) -> Sequence[RoomSanction]:
        """Also those that have ended, by the ids of the users."""
        query = (
            select(RoomSanction)
            .where(RoomSanction.room_id == room_id, RoomSanction.kind == kind)
            .order_by(RoomSanction.user_id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(RoomSanction.user_id > after)
        return (await self._session.scalars(query)).all()


class RoomSanctions(RoomSanctionReads):
    async def put(self, sanction: RoomSanction) -> RoomSanction:
        """In place of one of the same kind against the same user."""
        return await self._session.merge(sanction)

    async def delete(self, sanction: RoomSanction) -> None:
        await self._session.delete(sanction)
