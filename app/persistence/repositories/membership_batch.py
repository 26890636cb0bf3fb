"""Memberships by (room, user): any number in one statement."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from app.persistence.sql.executor import Reader, Rows
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id
from app.persistence.tables import Member, Room, columns

_PAIR_ROWS = json_rows("pairs", room=Id(), user=Id())
_pair, _member, _room = _PAIR_ROWS.c, columns(Member), columns(Room)


class MembershipBatch:
    """Columns of members, and of their rooms."""

    def __init__(self, *selected: Any) -> None:
        is_pair = and_(_member.room_id == _pair.room, _member.user_id == _pair.user)
        joined = _PAIR_ROWS.join(_member.role.table, is_pair).join(
            _room.kind.table, _room.id == _member.room_id
        )
        self._statement = Statement(join_in_order(select(*selected).select_from(joined)))

    async def read(self, reader: Reader, pairs: Iterable[tuple[UUID, UUID]]) -> Rows:
        """Of the members that are among these (room, user) pairs."""
        [rows] = await reader.read(self._statement.bind(pairs=to_json(pairs)))
        return rows
