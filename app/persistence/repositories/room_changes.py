"""What has changed for users, for each since a time of their own: any number in one statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.types import Id, UtcDateTime
from app.persistence.tables import Departure, Member, Room, columns

_SINCE = json_rows("since", user=Id(), at=UtcDateTime())
_since, _member, _room, _departure = _SINCE.c, columns(Member), columns(Room), columns(Departure)
_HAS_CHANGED = or_(_room.changed_at > _since.at, _member.changed_at > _since.at)
_HAS_LEFT = and_(_departure.user_id == _since.user, _departure.at > _since.at)


async def rooms_since(
    session: AsyncSession, since: Mapping[UUID, datetime], selected: tuple[Any, ...]
) -> Sequence[Any]:
    """Columns of the users' memberships, and of the rooms, where either has changed."""
    return (await session.execute(_rooms(selected), {"since": to_json(since.items())})).all()


async def departed_since(session: AsyncSession, since: Mapping[UUID, datetime]) -> Sequence[Any]:
    """(user, room) of what the users have left."""
    return (await session.execute(_DEPARTED, {"since": to_json(since.items())})).all()


@cache
def _rooms(selected: tuple[Any, ...]) -> Select[*tuple[Any, ...]]:
    joined = _SINCE.join(_member.role.table, _member.user_id == _since.user).join(
        _room.kind.table, _room.id == _member.room_id
    )
    return join_in_order(select(*selected).select_from(joined).where(_HAS_CHANGED))


_DEPARTED = join_in_order(
    select(_departure.user_id, _departure.room_id).select_from(
        _SINCE.join(_departure.user_id.table, _HAS_LEFT)
    )
)
