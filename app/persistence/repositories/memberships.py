"""Memberships by (room, user): any number in one statement."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, select

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
            _room.kind.table, _room.id == _member.room_id
        )
        for table, has_key in outer_joins:
            joined = joined.outerjoin(table, has_key)
        self._statement = Statement(join_in_order(select(*selected).select_from(joined)))

    async def read(self, reader: Reader, pairs: Iterable[tuple[UUID, UUID]]) -> Rows:
        """Of the members that are among these (room, user) pairs."""
        [rows] = await reader.read(self._statement.bind(pairs=to_json(pairs)))
        return rows


_HEADS = MembershipBatch(_member.room_id, _member.user_id, _room.seq)
_DEPARTURE_SEQS = Statement(
    select(_departure.room_id, _departure.user_id, _departure.seq).where(
        _departure.user_id.in_(bindparam("users", expanding=True)),
        _departure.room_id.in_(bindparam("rooms", expanding=True)),
        _departure.seq.is_not(None),
    )
)


class Memberships:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def latest_seqs(self, pairs: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
        """How far the room's log reaches, for those (room, user) pairs that are memberships."""
        rows = await _HEADS.read(self._reader, pairs)
        return {(room, user): head for room, user, head in rows}

    async def departure_seqs(
        self, pairs: Collection[tuple[UUID, UUID]]
    ) -> dict[tuple[UUID, UUID], int]:
        """The seq at which the user has last left the room, for (room, user) pairs, where known."""
        users, rooms = {user for _, user in pairs}, {room for room, _ in pairs}
        [rows] = await self._reader.read(_DEPARTURE_SEQS.bind(users=list(users), rooms=list(rooms)))
        return {(room, user): seq for room, user, seq in rows}
