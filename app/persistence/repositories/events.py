"""The log of each room: events to rows and back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.repositories.member_filter import IS_MEMBER, ROOM, USER
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS, from_row
from app.persistence.repositories.pending_rows import PendingRows
from app.persistence.tables import MessageRow, Room, RoomEventRow, columns
from app.wire.events import (
    EVENT_SPECS,
    AnyEvent,
    MemberJoined,
    MemberLeft,
    MessageEvent,
    RoomEvent,
    event_type,
)

_EVENT: TypeAdapter[RoomEvent] = TypeAdapter(AnyEvent)
_ENVELOPE = set(RoomEvent.model_fields)
_JOINED, _LEFT = event_type(MemberJoined), event_type(MemberLeft)
_MEMBERSHIP_TYPES = [spec.type for spec in EVENT_SPECS if spec.membership]
# Events that say nothing beside their message; their body is null.
_MESSAGE_EVENTS: dict[str, type[MessageEvent]] = {
    spec.type: spec.cls
    for spec in EVENT_SPECS
    if spec.cls.model_fields.keys() == MessageEvent.model_fields.keys()
}
_event, _message, _room = columns(RoomEventRow), columns(MessageRow), columns(Room)
_EVENT_COLUMNS = (_event.type, _event.room_id, _event.seq, _event.actor_id, _event.at, _event.body)
_EVENTS = select(*_EVENT_COLUMNS, *MESSAGE_COLUMNS).outerjoin_from(
    _event.seq.table,
    _message.seq.table,
    and_(_message.room_id == _event.room_id, _message.seq == _event.message_seq),
)


class EventReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_range(
        self, room_id: UUID, after: int, until: int, limit: int
    ) -> list[RoomEvent]:
        """Events with `after` < seq <= `until`, ascending, at most `limit`; messages as they are
        now."""
        parameters = {"room": room_id, "after": after, "until": until, "max_rows": limit}
        return await self._events(_BETWEEN, parameters)

    async def list_range_for_member(
        self, room_id: UUID, user_id: UUID, after: int, until: int, limit: int
    ) -> list[RoomEvent]:
        """Like `list_range`; nothing for a non-member."""
        parameters = {
            "room": room_id,
            "user": user_id,
            "after": after,
            "until": until,
            "max_rows": limit,
        }
        return await self._events(_PAGE, parameters)

    async def list_ranges(self, ranges: Iterable[tuple[UUID, int, int]]) -> list[RoomEvent]:
        """All events in ranges (room, after, until) of logs, like `list_range`."""
        return await self._events(
            _EVENTS.where(or_(*(_within(*log_range) for log_range in ranges))), {}
        )

    async def _events(
        self, query: Select[*tuple[Any, ...]], parameters: dict[str, Any]
    ) -> list[RoomEvent]:
        return [_from_row(*row) for row in await self._session.execute(query, parameters)]

    async def list_membership_changes(
        self, ranges: Iterable[tuple[UUID, int, int]]
    ) -> list[RoomEvent]:
        """Events of joining and leaving, in ranges (room, after, until) of logs."""
        rows = await self._session.execute(
            select(*_EVENT_COLUMNS)
            .where(
                or_(*(_within(*log_range) for log_range in ranges)),
                _event.type.in_(_MEMBERSHIP_TYPES),
            )
            .order_by(_event.room_id, _event.seq)
        )
        return [_from_row(*row) for row in rows]

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
        message = event.message.seq if isinstance(event, MessageEvent) else None
        kept_elsewhere = _ENVELOPE | {"message"} if message else _ENVELOPE
        body = event.model_dump_json(exclude=kept_elsewhere)
        self.pending.add(
            room_id=event.room,
            seq=event.seq,
            type=event.type,
            actor_id=event.actor,
            at=event.at,
            message_seq=message,
            body=None if message and body == "{}" else body,
        )


def _within(room_id: Any, after: Any, until: Any) -> ColumnElement[bool]:
    return and_(_event.room_id == room_id, _event.seq > after, _event.seq <= until)


_IN_RANGE = _within(ROOM, bindparam("after"), bindparam("until"))
_BETWEEN = _EVENTS.where(_IN_RANGE).order_by(_event.seq).limit(bindparam("max_rows"))
_PAGE = _BETWEEN.where(IS_MEMBER)

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


def _from_row(
    kind: str,
    room: UUID,
    seq: int,
    actor: UUID,
    at: datetime,
    body: str | None,
    *message: Any,
) -> RoomEvent:
    """Of a row of `_EVENTS`, whose message may be null, or of `_EVENT_COLUMNS`.

    Never raises: a newer release may have written the row, and its fields are then passed on.
    """
    shown = from_row(message) if message and message[0] is not None else None
    if shown and body is None and (cls := _MESSAGE_EVENTS.get(kind)):
        return cls(type=kind, room=room, seq=seq, actor=actor, at=at, message=shown)
    fields = _parse_body(body) | ({"message": shown} if shown else {})
    envelope = {"type": kind, "room": room, "seq": seq, "actor": actor, "at": at}
    return _EVENT.validate_python(fields | envelope)


def _parse_body(body: str | None) -> dict[str, Any]:
    try:
        fields = orjson.loads(body or "{}")
    except orjson.JSONDecodeError:
        fields = None
    return fields if isinstance(fields, dict) else {}
