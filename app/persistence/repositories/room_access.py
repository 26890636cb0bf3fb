"""What decides whether a user may read a room."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select

from app.persistence.repositories.member_filter import IS_MEMBER, ROOM
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.tables import Room, columns
from app.wire.domain import RoomKind

_room = columns(Room)
_KINDS = Statement(
    select(_room.id, _room.kind).where(_room.id.in_(bindparam("rooms", expanding=True)))
)
_FIND = Statement(select(_room.kind, IS_MEMBER).where(_room.id == ROOM))


class Access(NamedTuple):
    """The kind of a room, or None if it does not exist, and whether the user is a member."""

    kind: RoomKind | None
    is_member: bool


class RoomAccess:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def find(self, room_id: UUID, user_id: UUID) -> Access:
        """At one moment."""
        [rows] = await self._reader.read(_FIND.bind(room=room_id, user=user_id))
        return Access(rows[0][0], bool(rows[0][1])) if rows else Access(None, is_member=False)

    async def kinds(self, rooms: Iterable[UUID]) -> dict[UUID, RoomKind]:
        [rows] = await self._reader.read(_KINDS.bind(rooms=list(rooms)))
        return {room: kind for room, kind in rows}  # noqa: C416 - rows are of any length to mypy
