"""Messages, and whom they mention."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.repositories.member_filter import IS_MEMBER, ROOM
from app.persistence.tables import Mention, Message, columns
from app.wire.events import Message as WireMessage

_M = columns(Message)
SHOWN = (_M.seq, _M.sender_id, _M.at, _M.text, _M.nonce, _M.reply_to)
_SEQ: BindParameter[int] = bindparam("seq")
_MOST: BindParameter[int] = bindparam("most")
_AFTER = (
    select(*SHOWN)
    .where(_M.room_id == ROOM, _M.seq > _SEQ, _M.seq <= bindparam("until"))
    .order_by(_M.seq)
    .limit(_MOST)
)


def _page(here: ColumnElement[bool], order: Any, beyond: ColumnElement[bool], way: Any) -> Any:
    """Messages that are `here`, and whether there is one `beyond` the end that is not paged to."""
    one = select(_M.seq).where(_M.room_id == ROOM, beyond).order_by(way).limit(1)
    return (
        select(one.scalar_subquery(), *SHOWN)
        .where(_M.room_id == ROOM, here, IS_MEMBER)
        .order_by(order)
        .limit(_MOST)
    )


_PAGE_BEFORE = _page(_M.seq < _SEQ, _M.seq.desc(), _M.seq >= _SEQ, _M.seq)
_PAGE_AFTER = _page(_M.seq > _SEQ, _M.seq, _M.seq <= _SEQ, _M.seq.desc())
_ONE = select(*SHOWN).where(_M.room_id == ROOM, _M.seq == _SEQ, IS_MEMBER)


class Page(NamedTuple):
    """Ascending. `beyond`: there is a message on the other side of the seq that was asked for."""

    messages: list[WireMessage]
    beyond: bool


class MessageReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, room_id: UUID, seq: int) -> Message | None:
        return await self._session.get(Message, (room_id, seq))

    async def by_nonce(self, room_id: UUID, sender_id: UUID, nonce: str) -> Message | None:
        found = await self._session.scalars(
            select(Message).where(
                Message.room_id == room_id,
                Message.sender_id == sender_id,
                Message.nonce == nonce,
            )
        )
        return found.one_or_none()

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
        return Page([wire(*row[1:]) for row in rows], bool(rows) and rows[0][0] is not None)

    async def one(self, room_id: UUID, user_id: UUID, seq: int) -> WireMessage | None:
        """None for who is no member, too."""
        given = {"room": room_id, "user": user_id, "seq": seq}
        row = (await self._session.execute(_ONE, given)).one_or_none()
        return wire(*row) if row else None

    async def after(self, room_id: UUID, seq: int, until: int, limit: int) -> list[WireMessage]:
        """The oldest messages above `seq` and up to `until`, ascending, for the server itself."""
        given = {"room": room_id, "seq": seq, "until": until, "most": limit}
        return [wire(*row) for row in await self._session.execute(_AFTER, given)]

    async def nonces_after(self, room_id: UUID, seq: int) -> set[tuple[UUID, str]]:
        """Sender and nonce of every message above `seq`."""
        rows = await self._session.execute(
            select(Message.sender_id, Message.nonce).where(
                Message.room_id == room_id, Message.seq > seq
            )
        )
        return set(rows)


def wire(
    seq: int, sender: UUID, at: datetime, text: str, nonce: str, reply_to: int | None
) -> WireMessage:
    """Of a row of SHOWN: entities would cost more than the query, and pages are read a lot."""
    return WireMessage(seq=seq, sender=sender, at=at, text=text, nonce=nonce, reply_to=reply_to)


class Messages(MessageReads):
    def add(self, message: Message, mentioned: Iterable[UUID] = ()) -> None:
        """Who names oneself is told nothing new: that is no mention."""
        self._session.add(message)
        self._session.add_all(
            Mention(user_id=user, room_id=message.room_id, seq=message.seq)
            for user in mentioned
            if user != message.sender_id
        )
