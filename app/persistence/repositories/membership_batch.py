"""Memberships by (room, user) pairs: any number in one statement."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Select, and_, bindparam, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.tables import Member, Room, columns
from app.persistence.types import Id

_M, _R = columns(Member), columns(Room)
# MariaDB takes a list of tuples apart in quadratic time. It gets one JSON document, which becomes a
# table there.
_PAIRS = (
    text(
        """
        SELECT UNHEX(p.room) AS room_id, UNHEX(p.user) AS user_id
        FROM JSON_TABLE(:pairs, '$[*]' COLUMNS (
            room CHAR(32) CHARACTER SET ascii PATH '$[0]',
            user CHAR(32) CHARACTER SET ascii PATH '$[1]')) AS p
        """
    )
    .columns(room_id=Id, user_id=Id)
    .subquery("pairs")
)
_TUPLES = tuple_(_M.room_id, _M.user_id).in_(bindparam("pairs", expanding=True))


async def of_pairs(
    session: AsyncSession, pairs: Iterable[tuple[UUID, UUID]], *shown: Any
) -> Sequence[Any]:
    """Columns of the members that are among these (room, user) pairs, and of their rooms."""
    if session.get_bind().dialect.name == "sqlite":
        return (await session.execute(_by_tuples(*shown), {"pairs": list(pairs)})).all()
    document = orjson.dumps([(room.hex, user.hex) for room, user in pairs]).decode()
    return (await session.execute(_by_json(*shown), {"pairs": document})).all()


@cache
def _by_tuples(*shown: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*shown).join_from(_M.room_id.table, _R.id.table, _R.id == _M.room_id).where(_TUPLES)
    )


@cache
def _by_json(*shown: Any) -> Select[*tuple[Any, ...]]:
    """In this order: one look at each key."""
    this = and_(_M.room_id == _PAIRS.c.room_id, _M.user_id == _PAIRS.c.user_id)
    joined = _PAIRS.join(_M.room_id.table, this).join(_R.id.table, _R.id == _M.room_id)
    return select(*shown).select_from(joined).prefix_with("STRAIGHT_JOIN")
