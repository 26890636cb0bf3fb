"""What has changed for users, for each since a time of their own: any number in one statement."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Select, and_, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.tables import Departure, Member, Room, columns
from app.persistence.types import Id, Utc

_M, _R, _D = columns(Member), columns(Room), columns(Departure)
_MEMBERS, _ROOMS, _DEPARTURES = _M.user_id.table, _R.id.table, _D.user_id.table
_IN_ROOM = _R.id == _M.room_id
# One document, as in `membership_batch.py`: a statement that is the same for any number of users
# is compiled once, and MariaDB looks once at each user's rooms.
_SINCE = (
    text(
        """
        SELECT UNHEX(s.user) AS user_id, s.at AS at
        FROM JSON_TABLE(:since, '$[*]' COLUMNS (
            user CHAR(32) CHARACTER SET ascii PATH '$[0]',
            at DATETIME(6) PATH '$[1]')) AS s
        """
    )
    .columns(user_id=Id, at=Utc)
    .subquery("since")
)


async def rooms_since(
    session: AsyncSession, since: Mapping[UUID, datetime], shown: tuple[Any, ...]
) -> Sequence[Any]:
    """Columns of the users' memberships, and of the rooms, where either has changed."""
    if _is_sqlite(session):
        query = select(*shown).join_from(_MEMBERS, _ROOMS, _IN_ROOM)
        mine = _M.user_id.in_(list(since))
        return (await session.execute(query.where(mine, _any(since, _changed)))).all()
    return (await session.execute(_rooms(shown), {"since": _document(since)})).all()


async def departed_since(session: AsyncSession, since: Mapping[UUID, datetime]) -> Sequence[Any]:
    """(user, room) of what the users have left."""
    if _is_sqlite(session):
        query = select(_D.user_id, _D.room_id).where(_D.user_id.in_(list(since)))
        return (await session.execute(query.where(_any(since, _left)))).all()
    return (await session.execute(_DEPARTED, {"since": _document(since)})).all()


def _changed(user: Any, at: Any) -> ColumnElement[bool]:
    return and_(_M.user_id == user, or_(_R.changed_at > at, _M.changed_at > at))


def _left(user: Any, at: Any) -> ColumnElement[bool]:
    return and_(_D.user_id == user, _D.at > at)


@cache
def _rooms(shown: tuple[Any, ...]) -> Select[*tuple[Any, ...]]:
    theirs = _SINCE.join(_MEMBERS, _M.user_id == _SINCE.c.user_id).join(_ROOMS, _IN_ROOM)
    return (
        select(*shown)
        .select_from(theirs)
        .where(_changed(_SINCE.c.user_id, _SINCE.c.at))
        .prefix_with("STRAIGHT_JOIN")
    )


_DEPARTED = (
    select(_D.user_id, _D.room_id)
    .select_from(_SINCE.join(_DEPARTURES, _left(_SINCE.c.user_id, _SINCE.c.at)))
    .prefix_with("STRAIGHT_JOIN")
)


def _any(
    since: Mapping[UUID, datetime], condition: Callable[[Any, Any], ColumnElement[bool]]
) -> ColumnElement[bool]:
    return or_(*(condition(user, at) for user, at in since.items()))


def _document(since: Mapping[UUID, datetime]) -> str:
    return orjson.dumps(
        [
            (user.hex, at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds"))
            for user, at in since.items()
        ]
    ).decode()


def _is_sqlite(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "sqlite"
