"""Pages of a room's log, for members only."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam

from app.core.json_encoding import Fragment
from app.persistence.repositories.event_columns import EVENTS, SEQ, to_value
from app.persistence.repositories.member_filter import IS_MEMBER, ROOM
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.tables import RoomEventRow, columns

_event = columns(RoomEventRow)
_PAGE = Statement(
    EVENTS.where(
        _event.room_id == ROOM,
        _event.seq > bindparam("after"),
        _event.seq <= bindparam("until"),
        IS_MEMBER,
    )
    .order_by(_event.seq)
    .limit(bindparam("max_rows"))
)


class LoggedEvent(NamedTuple):
    """An event, for `encode_json`."""

    seq: int
    value: dict[str, Any] | Fragment


class EventPages:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(
        self, room_id: UUID, user_id: UUID, after: int, until: int, limit: int
    ) -> list[LoggedEvent]:
        """Events with `after` < seq <= `until`, ascending, at most `limit`; messages as they are
        now. A non-member finds nothing."""
        bound = _PAGE.bind(room=room_id, user=user_id, after=after, until=until, max_rows=limit)
        [rows] = await self._reader.read(bound)
        return [LoggedEvent(row[SEQ], to_value(row)) for row in rows]
