"""Rooms."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NewType
from uuid import UUID

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import now
from app.persistence.repositories.member_filter import is_present
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.tables import Member, Room, columns
from app.wire.domain import RoomKind

MAX_CHANGED = 20_000

# A room whose row this transaction holds locked: the only kind that can be recorded into.
LockedRoom = NewType("LockedRoom", Room)


_room = columns(Room)
_HEADS = select(_room.id, _room.seq).where(_room.id.in_(bindparam("rooms", expanding=True)))


class RoomReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, room_id: UUID) -> Room | None:
        return await self._session.get(Room, room_id)

    async def with_member(
        self, room_id: UUID, user_id: UUID
    ) -> tuple[Room, Member | None] | tuple[None, None]:
        """A room, and this user's membership of it at the same moment."""
        rows = await self._session.execute(
            select(Room, Member)
            .outerjoin(Member, and_(Member.room_id == Room.id, Member.user_id == user_id))
            .where(is_present(_room, room_id))
        )
        row = rows.one_or_none()
        return (row[0], row[1]) if row else (None, None)

    async def is_visible(self, room_id: UUID, user_id: UUID) -> bool:
        """The room is public, or the user is a member; no row of it is loaded."""
        row = await self._session.scalar(
            select(Room.id)
            .outerjoin(Member, and_(Member.room_id == Room.id, Member.user_id == user_id))
            .where(
                is_present(_room, room_id),
                or_(Room.kind == RoomKind.PUBLIC, Member.user_id.is_not(None)),
            )
        )
        return row is not None

    async def filter_document(self, room_id: UUID) -> str | None:
        """None: the room has no rules."""
        document: str | None = await self._session.scalar(
            select(Room.filters).where(Room.id == room_id)
        )
        return document

    async def direct(self, direct_key: bytes) -> Room | None:
        row = await self._session.scalars(select(Room).where(Room.direct_key == direct_key))
        return row.one_or_none()

    async def by_origin(self, origin: str) -> Room | None:
        row = await self._session.scalars(select(Room).where(Room.origin == origin))
        return next((room for room in row if room.origin == origin), None)  # PAD SPACE

    async def public(self, key: str, after: tuple[str, UUID] | None, limit: int) -> Sequence[Room]:
        """Public rooms that are not archived, whose name contains `key`, by name."""
        query = (
            select(Room)
            .where(Room.kind == RoomKind.PUBLIC, Room.archived_at.is_(None))
            .order_by(Room.name_key, Room.id)
            .limit(limit)
        )
        if key:
            query = query.where(Room.name_key.contains(key, autoescape=True))
        if after is not None:
            name, room = after
            query = query.where(
                or_(Room.name_key > name, and_(Room.name_key == name, Room.id > room))
            )
        return (await self._session.scalars(query)).all()

    async def latest_seqs(self, ids: Iterable[UUID]) -> dict[UUID, int]:
        rows = await self._session.execute(_HEADS, {"rooms": list(ids)})
        return dict(rows.all())

    async def database_time(self) -> datetime:
        """By the database's clock."""
        at: datetime = (await self._session.execute(select(DatabaseNow()))).scalar_one()
        return at

    async def changed_since(self, within_s: int) -> dict[UUID, int]:
        """The heads of the rooms that changed within this time, by the database's clock; of very
        many, those that changed last."""
        rows = await self._session.execute(
            select(Room.id, Room.seq)
            .where(Room.changed_at > DatabaseNow(within_s))
            .order_by(Room.changed_at.desc())
            .limit(MAX_CHANGED)
        )
        return dict(rows.all())


class Rooms(RoomReads):
    async def lock(self, room_id: UUID) -> LockedRoom | None:
        """The room as it is now, locked until this unit of work ends; None: there is none, or it
        was deleted."""
        room = await self._session.get(Room, room_id, with_for_update=True, populate_existing=True)
        return None if room is None or room.deleted_at is not None else LockedRoom(room)

    def bury(self, room: LockedRoom) -> None:
        """Leave nothing but the row: all other statements find no room, and its name is free. To
        programs of the step before, it is a private room without members."""
        room.deleted_at, room.kind = now(), RoomKind.PRIVATE
        room.name = room.name_key = room.origin = room.settings = room.overrides = None
        room.topic, room.filters, room.archived_at, room.room_mention_seq = "", None, None, None

    async def add(self, room: Room) -> LockedRoom:
        self._session.add(room)
        await self._session.flush()  # an existing pair must show before anything refers to it
        return LockedRoom(room)
