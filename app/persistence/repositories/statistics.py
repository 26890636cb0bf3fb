"""Messages per room and day (UTC)."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import Date, Table, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.consumer_tables import MessageCount
from app.persistence.repositories.consumers import LogRange
from app.persistence.sql.upsert import upsert
from app.persistence.tables import RoomEventRow, columns
from app.wire.events import MessageCreated

_C, _E = columns(MessageCount), columns(RoomEventRow)
_MESSAGE = MessageCreated.model_fields["type"].default
_DAY = func.date(_E.at, type_=Date)


class DayCount(NamedTuple):
    day: date
    room: UUID
    messages: int


class StatisticsReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count_messages(self, ranges: Sequence[LogRange]) -> list[DayCount]:
        """What the log has in these ranges: messages by the day on which they were sent."""
        within = (
            and_(_E.room_id == span.room, _E.seq > span.after, _E.seq <= span.until)
            for span in ranges
        )
        return await self._counts(
            select(_DAY, _E.room_id, func.count())
            .where(or_(*within), _E.type == _MESSAGE)
            .group_by(_DAY, _E.room_id)
        )

    async def page(
        self, first: date, last: date, after: tuple[date, UUID] | None, limit: int
    ) -> list[DayCount]:
        """Of the days from `first` to `last`, by day and room."""
        query = (
            select(_C.day, _C.room_id, _C.messages)
            .where(_C.day >= first, _C.day <= last)
            .order_by(_C.day, _C.room_id)
            .limit(limit)
        )
        if after is not None:
            day, room = after
            query = query.where(_C.day >= day, or_(_C.day > day, _C.room_id > room))
        return await self._counts(query)

    async def _counts(self, query: Any) -> list[DayCount]:
        return [DayCount(*row) for row in await self._session.execute(query)]


class Statistics(StatisticsReads):
    async def add(self, counts: Sequence[DayCount]) -> None:
        """Add to what is stored."""
        if not counts:
            return
        await self._session.execute(
            upsert(self._session, cast(Table, MessageCount.__table__), add=["messages"]),
            [{"day": day, "room_id": room, "messages": number} for day, room, number in counts],
        )
