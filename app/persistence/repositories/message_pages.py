"""Pages of messages, for members only."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, bindparam, select

from app.persistence.repositories.member_filter import IS_MEMBER, ROOM
from app.persistence.repositories.message_columns import MESSAGE_JSON_COLUMNS, to_fields
from app.persistence.sql.executor import Reader, Rows
from app.persistence.sql.statement import Statement
from app.persistence.tables import MessageRow, columns

_message = columns(MessageRow)
_SEQ: BindParameter[int] = bindparam("seq")


def _page(
    in_page: ColumnElement[bool],
    page_order: Any,
    has_more_on_other_side: ColumnElement[bool],
    opposite_order: Any,
) -> Statement:
    """Messages, and after their fields the seq of one on the side that is not paged to."""
    row_beyond = (
        select(_message.seq)
        .where(_message.room_id == ROOM, has_more_on_other_side)
        .order_by(opposite_order)
        .limit(1)
    )
    return Statement(
        select(*MESSAGE_JSON_COLUMNS, row_beyond.scalar_subquery())
        .where(_message.room_id == ROOM, in_page, IS_MEMBER)
        .order_by(page_order)
        .limit(bindparam("max_rows"))
    )


_BEFORE = _page(_message.seq < _SEQ, _message.seq.desc(), _message.seq >= _SEQ, _message.seq)
_AFTER = _page(_message.seq > _SEQ, _message.seq, _message.seq <= _SEQ, _message.seq.desc())
_GET = Statement(
    select(*MESSAGE_JSON_COLUMNS).where(_message.room_id == ROOM, _message.seq == _SEQ, IS_MEMBER)
)

MessageFields = dict[str, Any]


class Page(NamedTuple):
    """Ascending. There may be more beyond the seq that the page starts from."""

    messages: list[MessageFields]
    has_more_on_other_side: bool


class MessagePages:
    """Messages as their fields, for `encode_json`. A non-member finds nothing."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def before(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page:
        """The newest messages below `seq`."""
        bound = _BEFORE.bind(room=room_id, user=user_id, seq=seq, max_rows=limit)
        [rows] = await self._reader.read(bound)
        return _to_page(rows[::-1])

    async def after(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page:
        """The oldest messages above `seq`."""
        bound = _AFTER.bind(room=room_id, user=user_id, seq=seq, max_rows=limit)
        [rows] = await self._reader.read(bound)
        return _to_page(rows)

    async def around(
        self, room_id: UUID, user_id: UUID, seq: int, limit: int
    ) -> tuple[list[MessageFields], list[MessageFields]]:
        """The newest messages below `seq`, and the oldest ones from `seq` on."""
        values = {"room": room_id, "user": user_id, "max_rows": limit}
        older, newer = await self._reader.read(
            _BEFORE.bind(seq=seq, **values), _AFTER.bind(seq=seq - 1, **values)
        )
        return _to_page(older[::-1]).messages, _to_page(newer).messages

    async def get(self, room_id: UUID, user_id: UUID, seq: int) -> MessageFields | None:
        [rows] = await self._reader.read(_GET.bind(room=room_id, user=user_id, seq=seq))
        return to_fields(rows[0]) if rows else None


def _to_page(rows: Rows) -> Page:
    return Page(list(map(to_fields, rows)), bool(rows) and rows[0][-1] is not None)
