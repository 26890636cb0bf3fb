"""Requests to join rooms."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.room_tables import JoinRequest
from app.persistence.tables import Room
from app.wire.domain import RoomKind

_ALLOWED = '"join_requests":true'  # as the settings of a room are stored


class JoinRequestReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def are_allowed(self, room_id: UUID) -> bool:
        """There is such a private room; no row of it is loaded."""
        query = select(Room.id).where(
            Room.id == room_id,
            Room.kind == RoomKind.PRIVATE,
            Room.archived_at.is_(None),
            Room.settings.contains(_ALLOWED, autoescape=True),
        )
        return await self._session.scalar(query) is not None

    async def page(self, room_id: UUID, after: UUID | None, limit: int) -> Sequence[JoinRequest]:
        """By the ids of the users."""
        query = (
            select(JoinRequest)
            .where(JoinRequest.room_id == room_id)
            .order_by(JoinRequest.user_id)
            .limit(limit)
        )
        if after is not None:
            query = query.where(JoinRequest.user_id > after)
        return (await self._session.scalars(query)).all()

    async def count(self, room_id: UUID) -> int:
        query = select(func.count()).where(JoinRequest.room_id == room_id)
        return await self._session.scalar(query) or 0


class JoinRequests(JoinRequestReads):
    async def put(self, request: JoinRequest) -> JoinRequest:
        """In place of an earlier one of the same user."""
        return await self._session.merge(request)

    async def delete(self, room_id: UUID, users: Iterable[UUID]) -> bool:
        """Whether there was one."""
        result = await self._session.execute(
            delete(JoinRequest)
            .where(JoinRequest.room_id == room_id, JoinRequest.user_id.in_(list(users)))
            .execution_options(synchronize_session=False)
        )
        return bool(result.rowcount)  # type: ignore[attr-defined]
