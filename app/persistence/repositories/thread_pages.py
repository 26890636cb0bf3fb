"""Pages of the replies in a thread, for members only."""

from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, select

from app.persistence.message_tables import ThreadMessage
from app.persistence.repositories.member_filter import ROOM, is_visible, is_visible_after
from app.persistence.repositories.message_columns import MESSAGE_JSON_COLUMNS
from app.persistence.repositories.message_pages import MessageFields, Page, to_page
from app.persistence.sql.executor import Reader
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.statement import Bound, Statement
from app.persistence.tables import MessageRow, columns

_message, _reply = columns(MessageRow), columns(ThreadMessage)
_SEQ: BindParameter[int] = bindparam("seq")
_IN_THREAD = and_(_reply.room_id == ROOM, _reply.root_seq == bindparam("root"))


def _page(
    in_page: ColumnElement[bool],
    page_order: Any,
    has_more_on_other_side: ColumnElement[bool],
    opposite_order: Any,
) -> Statement:
    """Replies, and after their fields the seq of one on the side that is not paged to."""
    row_beyond = (
        select(_reply.seq)
        .where(_IN_THREAD, has_more_on_other_side)
        .order_by(opposite_order)
        .limit(1)
    )
    return Statement(
        join_in_order(
            select(*MESSAGE_JSON_COLUMNS, row_beyond.scalar_subquery())
            .select_from(
                # Not an inner join: SQLite would begin with the messages, and then sort.
                _reply.seq.table.outerjoin(
                    _message.seq.table,
                    and_(_message.room_id == _reply.room_id, _message.seq == _reply.seq),
                )
            )
            .where(_IN_THREAD, in_page)
            .order_by(page_order)
            .limit(bindparam("max_rows"))
        )
    )


_BEFORE = _page(
    and_(_reply.seq < _SEQ, is_visible(_reply.seq)),
    _reply.seq.desc(),
    _reply.seq >= _SEQ,
    _reply.seq,
)
_AFTER = _page(
    is_visible_after(_reply.seq, _SEQ),
    _reply.seq,
    and_(_reply.seq <= _SEQ, is_visible(_reply.seq)),
    _reply.seq.desc(),
)


class ThreadPages:
    """Replies to one root as their fields, for `encode_json`. A non-member finds nothing."""

    def __init__(self, reader: Reader, root: int) -> None:
        self._reader, self._root = reader, root

    async def before(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page:
        """The newest replies below `seq`."""
        [rows] = await self._reader.read(self._bind(_BEFORE, room_id, user_id, seq, limit))
        return to_page(rows[::-1])

    async def after(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page:
        """The oldest replies above `seq`."""
        [rows] = await self._reader.read(self._bind(_AFTER, room_id, user_id, seq, limit))
        return to_page(rows)

    async def around(
        self, room_id: UUID, user_id: UUID, seq: int, limit: int
    ) -> tuple[list[MessageFields], list[MessageFields]]:
        """The newest replies below `seq`, and the oldest ones from `seq` on."""
        older, newer = await self._reader.read(
            self._bind(_BEFORE, room_id, user_id, seq, limit),
            self._bind(_AFTER, room_id, user_id, seq - 1, limit),
        )
        return to_page(older[::-1]).messages, to_page(newer).messages

    def _bind(self, page: Statement, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Bound:
        return page.bind(room=room_id, root=self._root, user=user_id, seq=seq, max_rows=limit)
