"""Reads of messages."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.repositories.member_filter import IS_MEMBER, ROOM
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS, from_row
from app.persistence.tables import MessageRow, columns
from app.wire.events import Message

_M = columns(MessageRow)
_SEQ: BindParameter[int] = bindparam("seq")
_MOST: BindParameter[int] = bindparam("most")
_AFTER = (
    select(*MESSAGE_COLUMNS)
    .where(_M.room_id == ROOM, _M.seq > _SEQ, _M.seq <= bindparam("until"))
    .order_by(_M.seq)
    .limit(_MOST)
)


def _page(here: ColumnElement[bool], order: Any, beyond: ColumnElement[bool], way: Any) -> Any:
    """Messages that are `here`, and whether there is one `beyond` the end that is not paged to."""
    one = select(_M.seq).where(_M.room_id == ROOM, beyond).order_by(way).limit(1)
    return (
        select(one.scalar_subquery(), *MESSAGE_COLUMNS)
        .where(_M.room_id == ROOM, here, IS_MEMBER)
        .order_by(order)
        .limit(_MOST)
    )


_PAGE_BEFORE = _page(_M.seq < _SEQ, _M.seq.desc(), _M.seq >= _SEQ, _M.seq)
_PAGE_AFTER = _page(_M.seq > _SEQ, _M.seq, _M.seq <= _SEQ, _M.seq.desc())
_ONE = select(*MESSAGE_COLUMNS).where(_M.room_id == ROOM, _M.seq == _SEQ, IS_MEMBER)


class Page(NamedTuple):
    """Ascending. `beyond`: there is a message on the other side of the seq that was asked for."""

    messages: list[Message]
    beyond: bool


class MessageReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page_before(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page:
        """The newest messages below `seq`; nothing for who is no member."""
        page = await self._page(_PAGE_BEFORE, room_id, user_id, seq, limit)
        page.messages.reverse()
        return page

    async def page_after(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page:
        """The oldest messages above `seq`; nothing for who is no member."""
        return await self._page(_PAGE_AFTER, room_id, user_id, seq, limit)

    async def _page(
        self, query: Select[*tuple[Any, ...]], room_id: UUID, user_id: UUID, seq: int, limit: int
    ) -> Page:
        given = {"room": room_id, "user": user_id, "seq": seq, "most": limit}
        rows = list(await self._session.execute(query, given))
        return Page([from_row(row[1:]) for row in rows], bool(rows) and rows[0][0] is not None)

    async def one(self, room_id: UUID, user_id: UUID, seq: int) -> Message | None:
        """None for who is no member, too."""
        given = {"room": room_id, "user": user_id, "seq": seq}
        row = (await self._session.execute(_ONE, given)).one_or_none()
        return from_row(row) if row else None

    async def after(self, room_id: UUID, seq: int, until: int, limit: int) -> list[Message]:
        """The oldest messages above `seq` and up to `until`, ascending, for the server itself."""
        given = {"room": room_id, "seq": seq, "until": until, "most": limit}
        return [from_row(row) for row in await self._session.execute(_AFTER, given)]

    async def nonces_after(self, room_id: UUID, seq: int) -> set[tuple[UUID, str]]:
        """Sender and nonce of every message above `seq`."""
        rows = await self._session.execute(
            select(MessageRow.sender_id, MessageRow.nonce).where(
                MessageRow.room_id == room_id, MessageRow.seq > seq
            )
        )
        return set(rows)
