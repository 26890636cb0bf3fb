"""Messages that are sent later."""

from datetime import datetime
from typing import cast
from uuid import UUID

import orjson
from sqlalchemy import Table, and_, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.item_tables import ScheduledMessage
from app.persistence.repositories.item_query import KEY, ItemQuery, ItemValue
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id
from app.persistence.tables import columns
from app.wire.items import ScheduledState

_TABLE = cast(Table, ScheduledMessage.__table__)
_scheduled = columns(ScheduledMessage)
_IS_SHOWN = _scheduled.state != ScheduledState.SENT
_IS_DUE = and_(_scheduled.state == ScheduledState.PENDING, _scheduled.due_at <= DatabaseNow())


def _spread_content(value: ItemValue) -> ItemValue:
    """The fields of the content stand beside the others, as in a message."""
    content: ItemValue = orjson.loads(value.pop("content"))
    return value | content


SCHEDULED_MESSAGES = ItemQuery(
    and_(_scheduled.user_id == KEY.user, _scheduled.id == KEY.id, _IS_SHOWN),
    {
        "id": _scheduled.id,
        "room": _scheduled.room_id,
        "due_at": _scheduled.due_at,
        "state": _scheduled.state,
        "error": _scheduled.error,
        "nonce": _scheduled.nonce,
        "content": _scheduled.content,
    },
    complete=_spread_content,
)
_USER, _ID = bindparam("user", type_=Id()), bindparam("after", type_=Id())
_PAGE = (
    SCHEDULED_MESSAGES.select()
    .where(_scheduled.user_id == _USER, _IS_SHOWN)
    .order_by(_scheduled.id)
    .limit(bindparam("max_rows"))
)
_FIRST_PAGE, _NEXT_PAGE = Statement(_PAGE), Statement(_PAGE.where(_scheduled.id > _ID))
_DUE = Statement(
    select(_scheduled.user_id, _scheduled.id)
    .where(_IS_DUE)
    .order_by(_scheduled.due_at)
    .limit(bindparam("max_rows"))
)


class ScheduledPages:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, user_id: UUID, after: UUID | None, limit: int) -> list[ItemValue]:
        """The user's scheduled messages that were not sent, in the order in which they were
        made."""
        page = _FIRST_PAGE if after is None else _NEXT_PAGE
        [rows] = await self._reader.read(page.bind(user=user_id, max_rows=limit, after=after))
        return list(map(SCHEDULED_MESSAGES.to_value, rows))

    async def list_due(self, limit: int) -> list[tuple[UUID, UUID]]:
        """(user, id) of those that are due by the database's clock, the oldest first."""
        [rows] = await self._reader.read(_DUE.bind(max_rows=limit))
        return [(user, id_) for user, id_ in rows]


class ScheduledMessages:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, user_id: UUID, room_id: UUID, nonce: str) -> ScheduledMessage | None:
        """The one with this idempotency key."""
        row = await self._session.scalars(
            select(ScheduledMessage).where(
                _scheduled.user_id == user_id,
                _scheduled.room_id == room_id,
                _scheduled.nonce == nonce,
            )
        )
        return row.one_or_none()

    async def count(self, user_id: UUID) -> int:
        """Of those that were not sent."""
        query = (
            select(func.count()).select_from(_TABLE).where(_scheduled.user_id == user_id, _IS_SHOWN)
        )
        return await self._session.scalar(query) or 0

    def add(self, scheduled: ScheduledMessage) -> None:
        self._session.add(scheduled)

    async def lock(self, user_id: UUID, id_: UUID) -> ScheduledMessage | None:
        return await self._session.get(
            ScheduledMessage, (user_id, id_), with_for_update=True, populate_existing=True
        )

    async def lock_due(self, user_id: UUID, id_: UUID) -> ScheduledMessage | None:
        """None if it is no longer due, or another transaction has it."""
        row = await self._session.scalars(
            select(ScheduledMessage)
            .where(_scheduled.user_id == user_id, _scheduled.id == id_, _IS_DUE)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return row.one_or_none()

    async def delete(self, scheduled: ScheduledMessage) -> None:
        await self._session.delete(scheduled)

    async def delete_sent(self, due_before: datetime, max_rows: int) -> bool:
        """Delete up to so many that were sent and were due before this time. True: there may be
        more."""
        query = (
            select(_scheduled.user_id, _scheduled.id)
            .where(_scheduled.state == ScheduledState.SENT, _scheduled.due_at < due_before)
            .limit(max_rows)
        )
        keys = (await self._session.execute(query)).all()
        for user, id_ in keys:
            await self._session.execute(
                delete(_TABLE).where(_scheduled.user_id == user, _scheduled.id == id_)
            )
        return len(keys) == max_rows
