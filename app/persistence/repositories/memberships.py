"""Memberships by (room, user): any number in one statement."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, select

from app.persistence.repositories.member_filter import is_present, visible_after
from app.persistence.sql.executor import Reader, Rows
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id
from app.persistence.tables import Departure, Member, Room, columns

_PAIR_ROWS = json_rows("pairs", room=Id(), user=Id())
_pair, _member, _room = _PAIR_ROWS.c, columns(Member), columns(Room)
_departure = columns(Departure)


class MembershipBatch:
    """Columns of members and of their rooms, and of further tables where a row has the key."""

    def __init__(
        self, *selected: Any, outer_joins: Iterable[tuple[FromClause, ColumnElement[bool]]] = ()
    ) -> None:
        is_pair = and_(_member.room_id == _pair.room, _member.user_id == _pair.user)
        joined = _PAIR_ROWS.join(_member.role.table, is_pair).join(
            _room.kind.table, is_present(_room, _member.room_id)
        )
        for table, has_key in outer_joins:
            joined = joined.outerjoin(table, has_key)
        self._statement = Statement(join_in_order(select(*selected).select_from(joined)))

    async def read(self, reader: Reader, pairs: Iterable[tuple[UUID, UUID]]) -> Rows:
        """Of the members that are among these (room, user) pairs."""
        [rows] = await reader.read(self._statement.bind(pairs=to_json(pairs)))
        return rows


class LogExtent(NamedTuple):
    """What a user may see of a room's log: what is above `visible_after`, up to `head`."""

    head: int
    visible_after: int


NO_EXTENT = LogExtent(0, 0)
_EXTENTS = MembershipBatch(
    *(_member.room_id, _member.user_id, _room.seq, visible_after(_member, _room))
)
_ENDED_EXTENTS = Statement(
    select(*(_departure.room_id, _departure.user_id, _departure.seq, _departure.visible_after_seq))
    .select_from(_departure.seq.table.join(_room.seq.table, is_present(_room, _departure.room_id)))
    .where(
        _departure.user_id.in_(bindparam("users", expanding=True)),
        _departure.room_id.in_(bindparam("rooms", expanding=True)),
        _departure.seq.is_not(None),
    )
)


class Memberships:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def extents(
        self, pairs: Iterable[tuple[UUID, UUID]]
    ) -> dict[tuple[UUID, UUID], LogExtent]:
        """Up to the end of the log, for those (room, user) pairs that are memberships."""
        rows = await _EXTENTS.read(self._reader, pairs)
        return {(room, user): LogExtent(head, after) for room, user, head, after in rows}

    async def ended_extents(
        self, pairs: Collection[tuple[UUID, UUID]]
    ) -> dict[tuple[UUID, UUID], LogExtent]:
        """Up to the seq at which the user has last left the room, for (room, user) pairs, where
        known."""
        users, rooms = {user for _, user in pairs}, {room for room, _ in pairs}
        [rows] = await self._reader.read(_ENDED_EXTENTS.bind(users=list(users), rooms=list(rooms)))
        return {(room, user): LogExtent(seq, after or 0) for room, user, seq, after in rows}
