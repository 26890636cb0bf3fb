"""Reminders of users."""

from typing import cast
from uuid import UUID

from sqlalchemy import Table, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.item_tables import Reminder
from app.persistence.repositories.item_query import KEY, ItemQuery, ItemValue
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id
from app.persistence.tables import columns

_TABLE = cast(Table, Reminder.__table__)
_reminder = columns(Reminder)
_IS_DUE = and_(_reminder.fired_at.is_(None), _reminder.due_at <= DatabaseNow())
REMINDERS = ItemQuery(
    and_(_reminder.user_id == KEY.user, _reminder.id == KEY.id),
    {
        "id": _reminder.id,
        "room": _reminder.room_id,
        "seq": _reminder.seq,
        "note": _reminder.note,
        "due_at": _reminder.due_at,
        "fired_at": _reminder.fired_at,
    },
)
_PAGE = (
    REMINDERS.select()
    .where(_reminder.user_id == bindparam("user", type_=Id()))
    .order_by(_reminder.id)
    .limit(bindparam("max_rows"))
)
_FIRST_PAGE = Statement(_PAGE)
_NEXT_PAGE = Statement(_PAGE.where(_reminder.id > bindparam("after", type_=Id())))
_DUE = Statement(
    select(_reminder.user_id, _reminder.id)
    .where(_IS_DUE)
    .order_by(_reminder.due_at)
    .limit(bindparam("max_rows"))
)


class ReminderPages:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, user_id: UUID, after: UUID | None, limit: int) -> list[ItemValue]:
        """The user's reminders, in the order in which they were made."""
        page = _FIRST_PAGE if after is None else _NEXT_PAGE
        [rows] = await self._reader.read(page.bind(user=user_id, max_rows=limit, after=after))
        return list(map(REMINDERS.to_value, rows))

    async def list_due(self, limit: int) -> list[tuple[UUID, UUID]]:
        """(user, id) of those that are due by the database's clock, the oldest first."""
        [rows] = await self._reader.read(_DUE.bind(max_rows=limit))
        return [(user, id_) for user, id_ in rows]


class Reminders:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count(self, user_id: UUID) -> int:
        query = select(func.count()).select_from(_TABLE).where(_reminder.user_id == user_id)
        return await self._session.scalar(query) or 0

    def add(self, reminder: Reminder) -> None:
        self._session.add(reminder)

    async def lock(self, user_id: UUID, id_: UUID) -> Reminder | None:
        return await self._session.get(
            Reminder, (user_id, id_), with_for_update=True, populate_existing=True
        )

    async def lock_due(self, user_id: UUID, id_: UUID) -> Reminder | None:
        """None if it is no longer due, or another transaction has it."""
        row = await self._session.scalars(
            select(Reminder)
            .where(_reminder.user_id == user_id, _reminder.id == id_, _IS_DUE)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        return row.one_or_none()

    async def delete(self, reminder: Reminder) -> None:
        await self._session.delete(reminder)
