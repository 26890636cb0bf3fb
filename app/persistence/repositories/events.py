"""The log of each room: events to rows and back."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.repositories.event_columns import (
    EVENT_COLUMNS,
    EVENTS,
    from_row,
    to_row,
)
from app.persistence.repositories.member_filter import ROOM, USER
from app.persistence.repositories.pending_rows import PendingRows
from app.persistence.tables import Room, RoomEventRow, columns
from app.wire.events import (
    EVENT_SPECS,
    MemberJoined,
    MemberLeft,
    RoomEvent,
    event_type,
)

_JOINED, _LEFT = event_type(MemberJoined), event_type(MemberLeft)
_MEMBERSHIP_TYPES = [spec.type for spec in EVENT_SPECS if spec.membership]
_event, _room = columns(RoomEventRow), columns(Room)
_Range = tuple[UUID, int, int]  # the events of a room after a seq, up to another


class EventReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_ranges(self, ranges: Iterable[_Range]) -> list[RoomEvent]:
        """All events in ranges of logs; messages as they are now."""
        return [from_row(*row) for row in await self._session.execute(_in_ranges(ranges))]

    async def list_membership_changes(self, ranges: Iterable[_Range]) -> list[RoomEvent]:
        """Events of joining and leaving, in ranges of logs."""
        rows = await self._session.execute(
            select(*EVENT_COLUMNS)
            .where(
                or_(*(_within(*span) for span in ranges)),
                _event.type.in_(_MEMBERSHIP_TYPES),
            )
            .order_by(_event.room_id, _event.seq)
        )
        return [from_row(*row) for row in rows]

    async def last_action_was_leave(self, room_id: UUID, user_id: UUID) -> bool:
        """Whether the user's last action in the room, among its newest events, was to leave."""
        parameters = {"room": room_id, "user": user_id}
        return await self._session.scalar(_LAST_OF, parameters) == _LEFT

    async def joined(self, room_id: UUID, users: Iterable[UUID]) -> set[UUID]:
        """Those of `users` who have ever joined the room themselves, members or not. Slow: it
        reads the whole log."""
        return set(
            await self._session.scalars(
                select(RoomEventRow.actor_id).where(
                    RoomEventRow.room_id == room_id,
                    RoomEventRow.type == _JOINED,
                    RoomEventRow.actor_id.in_(list(users)),
                )
            )
        )

    async def find_broken_logs(self) -> tuple[int, list[UUID]]:
        """How many rooms there are, and those whose log is not exactly 1, 2, …, `rooms.seq`.

        Reads every log; seq is unique per room, so count, least and greatest tell."""
        rows = await self._session.execute(
            select(
                Room.id,
                Room.seq,
                func.count(RoomEventRow.seq),
                func.min(RoomEventRow.seq),
                func.max(RoomEventRow.seq),
            )
            .outerjoin(RoomEventRow, RoomEventRow.room_id == Room.id)
            .group_by(Room.id, Room.seq)
        )
        rooms = rows.all()
        return len(rooms), [
            room for room, *numbers in rooms if numbers != [numbers[0], numbers[0], 1, numbers[0]]
        ]


class Events(EventReads):
    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self.pending = PendingRows(session, _event.seq.table)

    def add(self, event: RoomEvent) -> None:
        self.pending.add(**to_row(event))


def _within(room_id: Any, after: Any, until: Any) -> ColumnElement[bool]:
    return and_(_event.room_id == room_id, _event.seq > after, _event.seq <= until)


def _in_ranges(ranges: Iterable[_Range]) -> Select[*tuple[Any, ...]]:
    return EVENTS.where(or_(*(_within(*span) for span in ranges)))


# Look at the last 1,000 events only: the user acted recently or not at all.
_LAST_OF = (
    select(_event.type)
    .join_from(_event.seq.table, _room.seq.table, _room.id == _event.room_id)
    .where(
        _room.id == ROOM,
        _event.room_id == ROOM,
        _event.seq > _room.seq - 1000,
        _event.actor_id == USER,
    )
    .order_by(_event.seq.desc())
    .limit(1)
)
