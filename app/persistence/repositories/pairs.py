"""Memberships by (room, user) pairs: any number in one statement."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import and_, bindparam, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.tables import Member, Room
from app.persistence.types import Id

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
_TUPLES = tuple_(Member.room_id, Member.user_id).in_(bindparam("pairs", expanding=True))


async def of_pairs(
    session: AsyncSession, pairs: Iterable[tuple[UUID, UUID]], *columns: Any
) -> Sequence[Any]:
    """Columns of the members that are among these (room, user) pairs, and of their rooms."""
    in_room = Room.id == Member.room_id
    if session.get_bind().dialect.name == "sqlite":
        query = select(*columns).join_from(Member, Room, in_room).where(_TUPLES)
        return (await session.execute(query, {"pairs": list(pairs)})).all()
    document = orjson.dumps([(room.hex, user.hex) for room, user in pairs]).decode()
    this = and_(Member.room_id == _PAIRS.c.room_id, Member.user_id == _PAIRS.c.user_id)
    # In this order: one look at each key.
    query = select(*columns).select_from(_PAIRS.join(Member, this).join(Room, in_room))
    found = await session.execute(query.prefix_with("STRAIGHT_JOIN"), {"pairs": document})
    return found.all()
