"""The log of each room: events to rows and back."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.repositories.event_columns import (
    EVENT_COLUMNS,
    EVENTS,
    MessageTotals,
    from_row,
    to_row,
)
from app.persistence.repositories.pending_rows import PendingRows
from app.persistence.tables import Room, RoomEventRow, columns
from app.wire.events import (
    EVENT_SPECS,
    MemberJoined,
    RoomEvent,
    event_type,
)

_JOINED = event_type(MemberJoined)
_MEMBERSHIP_TYPES = [spec.type for spec in EVENT_SPECS if spec.membership]
_event = columns(RoomEventRow)
_UNKNOWN = MessageTotals(None, None)
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
            .where(Room.deleted_at.is_(None))
            .group_by(Room.id, Room.seq)
        )
        rooms = rows.all()
        return len(rooms), [
            room for room, *numbers in rooms if numbers != [numbers[0], numbers[0], 1, numbers[0]]
        ]


class Events(EventReads):
    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self._pending: list[RoomEvent] = []
        self._last_message_seqs: dict[UUID, int] = {}
        self._rows = PendingRows(session, _event.seq.table)

    def add(self, event: RoomEvent) -> None:
        """Log an event that is no message, with the next flush."""
        self._pending.append(event)

    def set_last_message(self, room_id: UUID, seq: int) -> None:
        """Of the pending events: the newest message of the room, which is another one because some
        were deleted; 0: there is none."""
        self._last_message_seqs[room_id] = seq

    async def flush(self) -> None:
        pending, self._pending = self._pending, []
        if not pending:
            return
        before: dict[UUID, int] = {}
        for event in pending:
            before.setdefault(event.room, event.seq - 1)
        totals = await self._message_totals(before)
        for room, seq in self._last_message_seqs.items():
            totals[room] = totals[room]._replace(last_message_seq=seq)
        self._last_message_seqs.clear()
        for event in pending:
            self._rows.add(**to_row(event, totals[event.room]))
        await self._rows.flush()

    async def _message_totals(self, seqs: Mapping[UUID, int]) -> dict[UUID, MessageTotals]:
        """Of the logs of rooms, each up to a seq; 0 is the beginning."""
        totals = {room: MessageTotals(0, 0) if seq == 0 else _UNKNOWN for room, seq in seqs.items()}
        later = [(room, seq) for room, seq in seqs.items() if seq]
        if later:
            rows = await self._session.execute(
                select(_event.room_id, _event.message_count, _event.last_message_seq).where(
                    or_(*(and_(_event.room_id == room, _event.seq == seq) for room, seq in later))
                )
            )
            totals |= {room: MessageTotals(*values) for room, *values in rows}
        return totals


def _within(room_id: Any, after: Any, until: Any) -> ColumnElement[bool]:
    return and_(_event.room_id == room_id, _event.seq > after, _event.seq <= until)


def _in_ranges(ranges: Iterable[_Range]) -> Select[*tuple[Any, ...]]:
    return EVENTS.where(or_(*(_within(*span) for span in ranges)))
