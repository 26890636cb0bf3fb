"""Saved messages of users."""

from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Table,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.item_tables import SavedMessage
from app.persistence.repositories.item_query import KEY, ItemQuery, ItemValue
from app.persistence.repositories.member_filter import select_visible_after
from app.persistence.repositories.message_columns import MESSAGE_JSON_COLUMNS, to_fields
from app.persistence.sql.executor import Reader
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id, UtcDateTime
from app.persistence.tables import MessageRow, columns

_TABLE = cast(Table, SavedMessage.__table__)
_saved, _message = columns(SavedMessage), columns(MessageRow)
SAVED_MESSAGES = ItemQuery(
    and_(_saved.user_id == KEY.user, _saved.room_id == KEY.room, _saved.seq == KEY.seq),
    {
        "room": _saved.room_id,
        "seq": _saved.seq,
        "note": _saved.note,
        "saved_at": _saved.saved_at,
    },
)
_USER, _ROOM = bindparam("user", type_=Id()), bindparam("room", type_=Id())
_SEQ, _AT = bindparam("seq", type_=BigInteger), bindparam("at", type_=UtcDateTime())
_VISIBLE_AFTER = select_visible_after(_saved.room_id, _USER)
_PAGE = join_in_order(
    SAVED_MESSAGES.select(*MESSAGE_JSON_COLUMNS)
    .select_from(
        _TABLE.outerjoin(
            _message.seq.table,
            and_(
                _message.room_id == _saved.room_id,
                _message.seq == _saved.seq,
                _message.seq > _VISIBLE_AFTER,
            ),
        )
    )
    .where(_saved.user_id == _USER, _VISIBLE_AFTER.is_not(None))
    .order_by(_saved.saved_at.desc(), _saved.room_id.desc(), _saved.seq.desc())
    .limit(bindparam("max_rows"))
)
_FIRST_PAGE = Statement(_PAGE)
_NEXT_PAGE = Statement(
    _PAGE.where(
        _saved.saved_at <= _AT,
        or_(
            _saved.saved_at < _AT,
            _saved.room_id < _ROOM,
            and_(_saved.room_id == _ROOM, _saved.seq < _SEQ),
        ),
    )
)
_FIELD_COUNT = len(SAVED_MESSAGES.columns)


class SavedPosition(NamedTuple):
    """A saved message in the order of the list."""

    at: datetime
    room: UUID
    seq: int


class SavedMessagePages:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, user_id: UUID, after: SavedPosition | None, limit: int) -> list[ItemValue]:
        """What the user has saved in the rooms that they are in, the newest first, with the
        messages; None: the message is gone, or hidden from the user."""
        if after is None:
            bound = _FIRST_PAGE.bind(user=user_id, max_rows=limit)
        else:
            bound = _NEXT_PAGE.bind(user=user_id, max_rows=limit, **after._asdict())
        [rows] = await self._reader.read(bound)
        return [
            SAVED_MESSAGES.to_value(row[:_FIELD_COUNT])
            | {"message": _to_message(row[_FIELD_COUNT:])}
            for row in rows
        ]


def _to_message(values: Any) -> dict[str, Any] | None:
    fields = to_fields(values)
    return None if fields["seq"] is None else fields


class SavedMessages:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UUID, room_id: UUID, seq: int) -> SavedMessage | None:
        return await self._session.get(SavedMessage, (user_id, room_id, seq))

    async def count(self, user_id: UUID) -> int:
        query = select(func.count()).select_from(_TABLE).where(_saved.user_id == user_id)
        return await self._session.scalar(query) or 0

    def add(self, saved: SavedMessage) -> None:
        self._session.add(saved)

    async def delete(self, user_id: UUID, room_id: UUID, seq: int) -> bool:
        """False: it was not saved."""
        deleted: Any = await self._session.execute(
            delete(_TABLE).where(
                _saved.user_id == user_id, _saved.room_id == room_id, _saved.seq == seq
            )
        )
        return bool(deleted.rowcount)
