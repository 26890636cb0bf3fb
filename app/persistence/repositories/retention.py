"""Messages that are due to be deleted, by the database's clock: those that disappear, and those of
rooms that keep them for a number of days."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.message_tables import ExpiringMessage, RoomRetention
from app.persistence.repositories.messages import IS_DELETED
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.tables import MessageRow, columns

# Each room with a retention is looked at as often: its messages may have got older times by an
# import, and a clock may have been wrong.
MAX_WAIT = timedelta(hours=1)

_expiring, _retention = columns(ExpiringMessage), columns(RoomRetention)
_message = columns(MessageRow)
_HAS_EXPIRED = _expiring.expires_at <= DatabaseNow()
# `due_at` is so far ahead only if the clock was set back.
_IS_DUE = or_(
    _retention.due_at <= DatabaseNow(),
    _retention.due_at > DatabaseNow(-2 * int(MAX_WAIT.total_seconds())),
)


class ExpiringKey(NamedTuple):
    expires_at: datetime
    room: UUID
    seq: int


class Retention(NamedTuple):
    """How long a room keeps its messages, who has said so, and the seq up to which it is done."""

    room: UUID
    days: int
    set_by: UUID
    seq: int


class RetentionReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def is_anything_due(self) -> bool:
        for column, is_due in ((_expiring.seq, _HAS_EXPIRED), (_retention.seq, _IS_DUE)):
            if await self._session.scalar(select(column).where(is_due).limit(1)) is not None:
                return True
        return False

    async def list_expired(self, limit: int) -> list[ExpiringKey]:
        """The first ones."""
        query = (
            select(_expiring.expires_at, _expiring.room_id, _expiring.seq)
            .where(_HAS_EXPIRED)
            .order_by(_expiring.expires_at, _expiring.room_id, _expiring.seq)
            .limit(limit)
        )
        return [ExpiringKey(*row) for row in await self._session.execute(query)]

    async def find_due_room(self) -> UUID | None:
        return await self._session.scalar(select(_retention.room_id).where(_IS_DUE).limit(1))

    async def get(self, room_id: UUID) -> Retention | None:
        rows = await self._session.execute(
            select(_retention.room_id, _retention.days, _retention.set_by, _retention.seq).where(
                _retention.room_id == room_id
            )
        )
        row = rows.one_or_none()
        return Retention(*row) if row else None

    async def list_next(
        self, room_id: UUID, seq: int, limit: int
    ) -> list[tuple[int, datetime, bool]]:
        """(seq, time, whether it is deleted) of the oldest messages above a seq."""
        rows = await self._session.execute(
            select(_message.seq, _message.at, IS_DELETED)
            .where(_message.room_id == room_id, _message.seq > seq)
            .order_by(_message.seq)
            .limit(limit)
        )
        return [(seq, at, bool(is_deleted)) for seq, at, is_deleted in rows]

    async def database_now(self) -> datetime:
        at: datetime = (await self._session.execute(select(DatabaseNow()))).scalar_one()
        return at


class Retentions(RetentionReads):
    """The room is locked."""

    async def forget_expired(self, keys: Sequence[ExpiringKey]) -> None:
        key = tuple_(_expiring.expires_at, _expiring.room_id, _expiring.seq)
        await self._session.execute(delete(_expiring.seq.table).where(key.in_(keys)))

    async def set_days(self, room_id: UUID, days: int | None, set_by: UUID) -> None:
        """None: for ever."""
        await self._session.execute(
            delete(_retention.seq.table).where(_retention.room_id == room_id)
        )
        if days is not None:
            values = {"room_id": room_id, "days": days, "set_by": set_by, "seq": 0}
            await self._session.execute(
                insert(_retention.seq.table).values(**values, due_at=DatabaseNow())
            )

    async def advance(self, room_id: UUID, seq: int, due_at: datetime) -> None:
        await self._session.execute(
            update(_retention.seq.table)
            .where(_retention.room_id == room_id)
            .values(seq=seq, due_at=due_at)
        )
