"""Parts of the logs: pages for members, and what is published."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, func, select

from app.core.json_encoding import Fragment
from app.core.publications import Publication
from app.persistence.repositories.event_columns import (
    EVENTS,
    SEQ,
    to_publication,
    to_visible_value,
)
from app.persistence.repositories.member_filter import (
    ROOM,
    VISIBLE_AFTER,
    is_visible_after,
)
from app.persistence.repositories.server_state import EPOCH
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.sql.unions import read_union
from app.persistence.tables import Room, RoomEventRow, columns

MAX_LATER_EVENTS = 1000
_event, _room = columns(RoomEventRow), columns(Room)
_RANGE = EVENTS.where(
    _event.room_id == ROOM,
    _event.seq > bindparam("after"),
    _event.seq <= bindparam("until"),
)
_FIRST = _RANGE.order_by(_event.seq).limit(bindparam("max_rows"))
_ALL_IN_RANGE, _FIRST_IN_RANGE = Statement(_RANGE), Statement(_FIRST)
_PAGE = Statement(
    EVENTS.add_columns(VISIBLE_AFTER)
    .where(
        _event.room_id == ROOM,
        is_visible_after(_event.seq, bindparam("after")),
        _event.seq <= bindparam("until"),
    )
    .order_by(_event.seq)
    .limit(bindparam("max_rows"))
)
_LATER = (
    select(_event.message_seq)
    .where(_event.room_id == ROOM, _event.seq > bindparam("until"))
    .order_by(_event.seq)
    .limit(MAX_LATER_EVENTS)
    .subquery()
)
_LAST_CHANGED = (
    select(func.max(_event.seq))
    .where(
        _event.room_id == ROOM,
        _event.seq > bindparam("after"),
        _event.seq <= bindparam("until"),
        _event.message_seq.in_(select(_LATER.c.message_seq)),
    )
    .scalar_subquery()
)
_HEAD = select(_room.seq).where(_room.id == ROOM).scalar_subquery()
_CHANGES = Statement(select(bindparam("n", type_=BigInteger), _LAST_CHANGED, _HEAD))


class LoggedEvent(NamedTuple):
    """An event, for `encode_json`."""

    seq: int
    value: dict[str, Any] | Fragment


class EventPages:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(
        self, room_id: UUID, user_id: UUID, after: int, until: int, limit: int
    ) -> tuple[list[LoggedEvent], str]:
        """Events with `after` < seq <= `until`, ascending, at most `limit`; messages as they are
        now. A non-member finds nothing, and a member nothing that is hidden from them. With the
        epoch, which is read first: after a restore in between, the events do not look as if they
        were of the new one."""
        bound = _PAGE.bind(room=room_id, user=user_id, after=after, until=until, max_rows=limit)
        [[(epoch,)], rows] = await self._reader.read(EPOCH.bind(), bound)
        return [LoggedEvent(row[SEQ], to_visible_value(row)) for row in rows], epoch

    async def publications(
        self, room_id: UUID, after: int, until: int, limit: int
    ) -> list[Publication]:
        """Events with `after` < seq <= `until`, ascending, at most `limit`, as they are published;
        messages as they are now."""
        bound = _FIRST_IN_RANGE.bind(room=room_id, after=after, until=until, max_rows=limit)
        [rows] = await self._reader.read(bound)
        return list(map(to_publication, rows))

    async def publications_in(self, ranges: Iterable[tuple[UUID, int, int]]) -> list[Publication]:
        """All events of up to 500 ranges (room, after, until), like `publications`."""
        branches = [{"room": room, "after": after, "until": until} for room, after, until in ranges]
        [rows] = await self._reader.read(_ALL_IN_RANGE.bind_union(branches))
        return list(map(to_publication, rows))

    async def last_changed(
        self, ranges: Sequence[tuple[UUID, int, int]]
    ) -> dict[tuple[UUID, int, int], int]:
        """By range (room, after, until): the seq of the last event whose message was changed after
        `until`, or `after`. Where more events came after `until` than are looked at, the last event
        but one."""
        branches = [
            {"n": n, "room": room, "after": after, "until": until}
            for n, (room, after, until) in enumerate(ranges)
        ]
        changes = {}
        for n, changed, head in await read_union(self._reader, _CHANGES, branches):
            _, after, until = ranges[n]
            is_known = head - until <= MAX_LATER_EVENTS
            changes[ranges[n]] = (changed or after) if is_known else max(after, until - 1)
        return changes
