"""Drafts of users."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BigInteger, Table, and_, bindparam, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.item_tables import Draft
from app.persistence.repositories.item_query import KEY, ItemQuery, ItemValue
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id
from app.persistence.sql.upsert import upsert
from app.persistence.tables import columns

_TABLE = cast(Table, Draft.__table__)
_draft = columns(Draft)
DRAFTS = ItemQuery(
    and_(_draft.user_id == KEY.user, _draft.room_id == KEY.room, _draft.thread == KEY.seq),
    {
        "room": _draft.room_id,
        "thread": _draft.thread,
        "text": _draft.text,
        "reply_to": _draft.reply_to,
        "updated_at": _draft.updated_at,
    },
)
_PAGE = (
    DRAFTS.select()
    .where(_draft.user_id == bindparam("user", type_=Id()))
    .order_by(_draft.room_id, _draft.thread)
    .limit(bindparam("max_rows"))
)
_ROOM, _THREAD = bindparam("room", type_=Id()), bindparam("thread", type_=BigInteger)
_FIRST_PAGE = Statement(_PAGE)
_NEXT_PAGE = Statement(
    _PAGE.where(
        _draft.room_id >= _ROOM,  # else SQLite sorts all drafts of the user
        or_(_draft.room_id > _ROOM, and_(_draft.room_id == _ROOM, _draft.thread > _THREAD)),
    )
)


class DraftPages:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(
        self, user_id: UUID, after: tuple[UUID, int] | None, limit: int
    ) -> list[ItemValue]:
        """The user's drafts, by room and thread."""
        if after is None:
            bound = _FIRST_PAGE.bind(user=user_id, max_rows=limit)
        else:
            room, thread = after
            bound = _NEXT_PAGE.bind(user=user_id, max_rows=limit, room=room, thread=thread)
        [rows] = await self._reader.read(bound)
        return list(map(DRAFTS.to_value, rows))


class Drafts:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UUID, room_id: UUID, thread: int) -> tuple[str, int | None] | None:
        """Text and `reply_to`."""
        row = (
            await self._session.execute(
                select(_draft.text, _draft.reply_to).where(*_is(user_id, room_id, thread))
            )
        ).one_or_none()
        return None if row is None else (row[0], row[1])

    async def count(self, user_id: UUID) -> int:
        query = select(func.count()).select_from(_TABLE).where(_draft.user_id == user_id)
        return await self._session.scalar(query) or 0

    async def save(
        self,
        user_id: UUID,
        room_id: UUID,
        thread: int,
        text: str,
        reply_to: int | None,
        at: datetime,
    ) -> None:
        """Make the draft, or replace it."""
        await self._session.execute(
            upsert(self._session, _TABLE, replace=["text", "reply_to", "updated_at"]),
            [
                {
                    "user_id": user_id,
                    "room_id": room_id,
                    "thread": thread,
                    "text": text,
                    "reply_to": reply_to,
                    "updated_at": at,
                }
            ],
        )

    async def delete(self, user_id: UUID, room_id: UUID, thread: int) -> bool:
        """False: there was none."""
        deleted: Any = await self._session.execute(
            delete(_TABLE).where(*_is(user_id, room_id, thread))
        )
        return bool(deleted.rowcount)

    async def delete_room(self, user_id: UUID, room_id: UUID) -> list[int]:
        """Delete the user's drafts in a room. Returns their threads."""
        in_room = and_(_draft.user_id == user_id, _draft.room_id == room_id)
        threads = list(await self._session.scalars(select(_draft.thread).where(in_room)))
        if threads:
            await self._session.execute(delete(_TABLE).where(in_room))
        return threads


def _is(user_id: UUID, room_id: UUID, thread: int) -> tuple[Any, ...]:
    return _draft.user_id == user_id, _draft.room_id == room_id, _draft.thread == thread
