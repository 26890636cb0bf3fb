"""Reads of messages."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.repositories.member_filter import IS_MEMBER, ROOM
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS, from_row
from app.persistence.tables import MessageRow, columns
from app.wire.events import Message

_message = columns(MessageRow)
_SEQ: BindParameter[int] = bindparam("seq")
_MAX_ROWS: BindParameter[int] = bindparam("max_rows")
_AFTER = (
    select(*MESSAGE_COLUMNS)
    .where(_message.room_id == ROOM, _message.seq > _SEQ, _message.seq <= bindparam("until"))
    .order_by(_message.seq)
    .limit(_MAX_ROWS)
)


def _page(
    in_page: ColumnElement[bool],
    page_order: Any,
    has_more_on_other_side: ColumnElement[bool],
    opposite_order: Any,
) -> Any:
    """Messages, and the seq of one on the side of the page that is not paged to."""
    row_beyond = (
        select(_message.seq)
        .where(_message.room_id == ROOM, has_more_on_other_side)
        .order_by(opposite_order)
        .limit(1)
    )
    return (
        select(row_beyond.scalar_subquery(), *MESSAGE_COLUMNS)
        .where(_message.room_id == ROOM, in_page, IS_MEMBER)
        .order_by(page_order)
        .limit(_MAX_ROWS)
    )


_PAGE_BEFORE = _page(_message.seq < _SEQ, _message.seq.desc(), _message.seq >= _SEQ, _message.seq)
_PAGE_AFTER = _page(_message.seq > _SEQ, _message.seq, _message.seq <= _SEQ, _message.seq.desc())
_GET = select(*MESSAGE_COLUMNS).where(_message.room_id == ROOM, _message.seq == _SEQ, IS_MEMBER)


class Page(NamedTuple):
    """Ascending. There may be more beyond the seq that the page starts from."""

    messages: list[Message]
    has_more_on_other_side: bool


class MessageReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page_before(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page:
        """The newest messages below `seq`; nothing for a non-member."""
        page = await self._page(_PAGE_BEFORE, room_id, user_id, seq, limit)
        page.messages.reverse()
        return page

    async def page_after(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page:
        """The oldest messages above `seq`; nothing for a non-member."""
        return await self._page(_PAGE_AFTER, room_id, user_id, seq, limit)

    async def _page(
        self, query: Select[*tuple[Any, ...]], room_id: UUID, user_id: UUID, seq: int, limit: int
    ) -> Page:
        parameters = {"room": room_id, "user": user_id, "seq": seq, "max_rows": limit}
        rows = list(await self._session.execute(query, parameters))
        return Page([from_row(row[1:]) for row in rows], bool(rows) and rows[0][0] is not None)

    async def get(self, room_id: UUID, user_id: UUID, seq: int) -> Message | None:
        """None for a non-member, too."""
        parameters = {"room": room_id, "user": user_id, "seq": seq}
        row = (await self._session.execute(_GET, parameters)).one_or_none()
        return from_row(row) if row else None

    async def list_after_unchecked(
        self, room_id: UUID, seq: int, until: int, limit: int
    ) -> list[Message]:
        """The oldest messages above `seq` and up to `until`, ascending; checks no membership."""
        parameters = {"room": room_id, "seq": seq, "until": until, "max_rows": limit}
        return [from_row(row) for row in await self._session.execute(_AFTER, parameters)]

    async def nonces_after(self, room_id: UUID, seq: int) -> set[tuple[UUID, str]]:
        """Sender and nonce of every message above `seq`."""
        rows = await self._session.execute(
            select(MessageRow.sender_id, MessageRow.nonce).where(
                MessageRow.room_id == room_id, MessageRow.seq > seq
            )
        )
        return set(rows)
