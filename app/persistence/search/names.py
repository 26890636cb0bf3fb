"""Finds the users and rooms that a query names."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import BindParameter, bindparam, select

from app.persistence.repositories.member_filter import USER
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.tables import Member, Room, User, columns

_user, _room, _member = columns(User), columns(Room), columns(Member)
_KEYS: BindParameter[str] = bindparam("keys", expanding=True)
_USERS_BY_NAME = Statement(
    select(_user.username_key, _user.id).where(_user.username_key.in_(_KEYS))
)
_ROOMS_BY_NAME = Statement(
    select(_room.name_key, _room.id)
    .select_from(_member.role.table.join(_room.kind.table, _room.id == _member.room_id))
    .where(_member.user_id == USER, _room.name_key.in_(_KEYS))
)


class SearchNames:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def users(self, keys: Collection[str]) -> dict[str, UUID]:
        """By normalized name; those that exist."""
        [rows] = await self._reader.read(_USERS_BY_NAME.bind(keys=sorted(keys)))
        return {key: user for key, user in rows if key in keys}

    async def rooms(self, user_id: UUID, keys: Collection[str]) -> dict[str, set[UUID]]:
        """The rooms of a user, by normalized name."""
        [rows] = await self._reader.read(_ROOMS_BY_NAME.bind(user=user_id, keys=sorted(keys)))
        rooms: dict[str, set[UUID]] = {}
        for key, room in rows:
            rooms.setdefault(key, set()).add(room)
        return rooms
