"""Memberships by (room, user): any number in one statement."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.types import Id
from app.persistence.tables import Member, Room, columns

_PAIR_ROWS = json_rows("pairs", room=Id(), user=Id())
_pair, _member, _room = _PAIR_ROWS.c, columns(Member), columns(Room)


async def select_by_room_and_user(
    session: AsyncSession, pairs: Iterable[tuple[UUID, UUID]], *selected: Any
) -> Sequence[Any]:
    """Columns of the members that are among these (room, user) pairs, and of their rooms."""
    return (await session.execute(_query(*selected), {"pairs": to_json(pairs)})).all()


@cache
def _query(*selected: Any) -> Select[*tuple[Any, ...]]:
    is_pair = and_(_member.room_id == _pair.room, _member.user_id == _pair.user)
    joined = _PAIR_ROWS.join(_member.role.table, is_pair).join(
        _room.kind.table, _room.id == _member.room_id
    )
    return join_in_order(select(*selected).select_from(joined))
