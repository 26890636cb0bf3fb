"""The rooms of users, with what each has not read: for many users and rooms in one statement.

What is unread is counted from what is there, so that there is no counter that could be wrong; up to
a maximum, so that a long backlog is not read to its end; and between constants: MySQL and MariaDB
read the whole log of a room for a condition on seq that depends on another row.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)

from app.persistence.repositories.memberships import MembershipBatch
from app.persistence.sql.executor import Reader, Rows
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id, UtcDateTime
from app.persistence.tables import Departure, Member, Mention, MessageRow, Room, columns
from app.wire.domain import Role, RoomKind

COUNTS_PER_STATEMENT = 200

T = TypeVar("T")


class Badge(NamedTuple):
    """What one member has not read in one room. Counts beyond the maximum are one more than it."""

    user: UUID
    room: UUID
    seq: int
    read_seq: int
    unread: int
    mentions: int


class RoomListRow(NamedTuple):
    """A room in the list of one of its members, with what the member has not read."""

    user: UUID
    id: UUID
    kind: RoomKind
    name: str | None
    topic: str
    direct_key: bytes | None
    created_at: datetime
    archived_at: datetime | None
    role: Role
    seq: int
    read_seq: int
    unread: int
    mentions: int


_SINCE = json_rows("since", user=Id(), at=UtcDateTime())
_since, _departure = _SINCE.c, columns(Departure)
_room, _member = columns(Room), columns(Member)
_message, _mention = columns(MessageRow), columns(Mention)

# Each begins with the user and the room, and ends with the head of the log and the read marker.
_BADGES = MembershipBatch(_member.user_id, _member.room_id, _room.seq, _member.read_seq)
_LISTED = (
    *(_member.user_id, _room.id, _room.kind, _room.name, _room.topic, _room.direct_key),
    *(_room.created_at, _room.archived_at, _member.role, _room.seq, _member.read_seq),
)
_LISTED_ROOMS = select(*_LISTED).join_from(
    _member.room_id.table, _room.id.table, _room.id == _member.room_id
)
_ALL_ROOMS = Statement(_LISTED_ROOMS.where(_member.user_id.in_(bindparam("users", expanding=True))))
_PAGE = (
    _LISTED_ROOMS.where(_member.user_id == bindparam("user"))
    .order_by(_member.room_id)
    .limit(bindparam("max_rows"))
)
_FIRST_PAGE = Statement(_PAGE)
_NEXT_PAGE = Statement(_PAGE.where(_member.room_id > bindparam("after")))

_CHANGED_ROOMS = Statement(
    join_in_order(
        select(*_LISTED)
        .select_from(
            _SINCE.join(_member.role.table, _member.user_id == _since.user).join(
                _room.kind.table, _room.id == _member.room_id
            )
        )
        .where(or_(_room.changed_at > _since.at, _member.changed_at > _since.at))
    )
)
_DEPARTURES = Statement(
    join_in_order(
        select(_departure.user_id, _departure.room_id).select_from(
            _SINCE.join(
                _departure.user_id.table,
                and_(_departure.user_id == _since.user, _departure.at > _since.at),
            )
        )
    )
)

_USER, _IN_ROOM = bindparam("user", type_=Id()), bindparam("room", type_=Id())
_AFTER, _UNTIL = bindparam("after", type_=BigInteger), bindparam("until", type_=BigInteger)


def _capped_count(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    """Counts the rows that meet the conditions, up to `max_rows`. Rows in between that do not meet
    them are read, too."""
    rows = select(literal_column("1")).where(*conditions).limit(bindparam("max_rows")).subquery()
    return select(func.count()).select_from(rows).scalar_subquery()


# Unread are the messages of others after the read marker.
_COUNTS = Statement(
    select(
        bindparam("n", type_=BigInteger),
        _capped_count(
            _message.room_id == _IN_ROOM,
            _message.seq > _AFTER,
            _message.seq <= _UNTIL,
            _message.sender_id != _USER,
        ),
        _capped_count(
            _mention.user_id == _USER,
            _mention.room_id == _IN_ROOM,
            _mention.seq > _AFTER,
            _mention.seq <= _UNTIL,
        ),
    )
)


class RoomLists:
    def __init__(self, reader: Reader, max_unread: int) -> None:
        self._reader = reader
        self._max_unread = max_unread

    async def page(self, user_id: UUID, after: UUID | None, limit: int) -> list[RoomListRow]:
        """The user's rooms, by id."""
        page = _FIRST_PAGE if after is None else _NEXT_PAGE
        [rows] = await self._reader.read(page.bind(user=user_id, max_rows=limit, after=after))
        return await self._count(rows, RoomListRow)

    async def since(
        self, since: Mapping[UUID, datetime | None]
    ) -> tuple[list[RoomListRow], list[tuple[UUID, UUID]]]:
        """All rooms of those users whose time is None. Of the others, the rooms that have changed
        since then for the user, and (user, room) for what the user has left since, also if it was
        joined again."""
        full = [user for user, at in since.items() if at is None]
        rest = to_json((user, at) for user, at in since.items() if at is not None)
        questions = [_ALL_ROOMS.bind(users=full)] if full else []
        if len(full) < len(since):
            questions += [_CHANGED_ROOMS.bind(since=rest), _DEPARTURES.bind(since=rest)]
        results = await self._reader.read(*questions)
        departures = results.pop() if len(full) < len(since) else ()
        rows = list(chain.from_iterable(results))
        return await self._count(rows, RoomListRow), [(user, room) for user, room in departures]

    async def badges(self, pairs: Iterable[tuple[UUID, UUID]]) -> list[Badge]:
        """The counts of (room, user) pairs; pairs that are no memberships are left out."""
        return await self._count(await _BADGES.read(self._reader, pairs), Badge)

    async def _count(self, rows: Rows, make: Callable[..., T]) -> list[T]:
        """`make(*row, unread, mentions)`. A log that ends at the marker is not asked."""
        counts = [(0, 0)] * len(rows)
        max_rows = self._max_unread + 1
        behind = [
            {
                "n": n,
                "user": row[0],
                "room": row[1],
                "after": row[-1],
                "until": row[-2],
                "max_rows": max_rows,
            }
            for n, row in enumerate(rows)
            if row[-1] < row[-2]
        ]
        for start in range(0, len(behind), COUNTS_PER_STATEMENT):
            union = _COUNTS.bind_union(behind[start : start + COUNTS_PER_STATEMENT])
            [counted] = await self._reader.read(union)
            for n, unread, mentions in counted:
                counts[n] = unread, mentions
        return [make(*row, *count) for row, count in zip(rows, counts, strict=True)]
