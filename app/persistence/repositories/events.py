"""The log of each room: events to rows and back."""

from collections.abc import Iterable
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import Event, MessageCreated, RoomEvent
from app.core.events import Message as MessageWire
from app.persistence.tables import LoggedEvent, Message, Room

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_COME_OR_GO = ("member.joined", "member.left", "member.removed")
_ENVELOPE = {"type", "room", "seq", "actor", "at"}
_IN_LOG = select(LoggedEvent, Message).outerjoin(
    Message, and_(Message.room_id == LoggedEvent.room_id, Message.seq == LoggedEvent.message_seq)
)


class EventReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def between(self, room_id: UUID, after: int, until: int, limit: int) -> list[Event]:
        """Events with `after` < seq <= `until`, ascending, at most `limit`; messages as they are
        now."""
        return await self._events(
            _IN_LOG.where(_within(room_id, after, until)).order_by(LoggedEvent.seq).limit(limit)
        )

    async def within(self, ranges: Iterable[tuple[UUID, int, int]]) -> list[Event]:
        """All events in ranges (room, after, until) of logs, like `between`."""
        return await self._events(_IN_LOG.where(or_(*(_within(*one) for one in ranges))))

    async def _events(self, query: Select[LoggedEvent, Message]) -> list[Event]:
        rows = await self._session.execute(query)
        return [_from_row(event, message) for event, message in rows]

    async def memberships(self, ranges: Iterable[tuple[UUID, int, int]]) -> list[Event]:
        """Who came and went, in ranges (room, after, until) of logs."""
        rows = await self._session.scalars(
            select(LoggedEvent)
            .where(
                or_(*(_within(*one) for one in ranges)),
                LoggedEvent.type.in_(_COME_OR_GO),
            )
            .order_by(LoggedEvent.room_id, LoggedEvent.seq)
        )
        return [_from_row(event, None) for event in rows]

    async def joined(self, room_id: UUID, users: Iterable[UUID]) -> set[UUID]:
        """Those of `users` who have ever joined the room themselves, members or not. Slow: it
        reads the whole log."""
        return set(
            await self._session.scalars(
                select(LoggedEvent.actor_id).where(
                    LoggedEvent.room_id == room_id,
                    LoggedEvent.type == "member.joined",
                    LoggedEvent.actor_id.in_(list(users)),
                )
            )
        )

    async def density(self) -> tuple[int, list[UUID]]:
        """How many rooms there are, and those whose log is not exactly 1, 2, …, `rooms.seq`.

        Reads every log; seq is unique per room, so count, least and greatest tell."""
        rows = await self._session.execute(
            select(
                Room.id,
                Room.seq,
                func.count(LoggedEvent.seq),
                func.min(LoggedEvent.seq),
                func.max(LoggedEvent.seq),
            )
            .outerjoin(LoggedEvent, LoggedEvent.room_id == Room.id)
            .group_by(Room.id, Room.seq)
        )
        rooms = rows.all()
        return len(rooms), [
            room for room, *numbers in rooms if numbers != [numbers[0], numbers[0], 1, numbers[0]]
        ]


class Events(EventReads):
    def add(self, event: RoomEvent) -> None:
        message = event.message.seq if isinstance(event, MessageCreated) else None
        self._session.add(
            LoggedEvent(
                room_id=event.room,
                seq=event.seq,
                type=event.type,
                actor_id=event.actor,
                at=event.at,
                message_seq=message,
                body=None if message else event.model_dump_json(exclude=_ENVELOPE),
            )
        )


def _within(room_id: UUID, after: int, until: int) -> ColumnElement[bool]:
    return and_(LoggedEvent.room_id == room_id, LoggedEvent.seq > after, LoggedEvent.seq <= until)


def to_wire(message: Message) -> MessageWire:
    return MessageWire(
        seq=message.seq,
        sender=message.sender_id,
        at=message.at,
        text=message.text,
        nonce=message.nonce,
        reply_to=message.reply_to,
    )


def _from_row(row: LoggedEvent, message: Message | None) -> Event:
    if message is not None:
        return MessageCreated(
            room=row.room_id,
            seq=row.seq,
            actor=row.actor_id,
            at=row.at,
            message=to_wire(message),
        )
    envelope = {
        "type": row.type,
        "room": row.room_id,
        "seq": row.seq,
        "actor": row.actor_id,
        "at": row.at,
    }
    return _EVENT.validate_python(envelope | orjson.loads(row.body or "{}"))
