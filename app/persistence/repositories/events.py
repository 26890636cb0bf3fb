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
_E, _M, _R = columns(RoomEventRow), columns(MessageRow), columns(Room)
_ROW = (_E.type, _E.room_id, _E.seq, _E.actor_id, _E.at, _E.body)
_IN_LOG = select(*_ROW, *MESSAGE_COLUMNS).outerjoin_from(
    _E.seq.table, _M.seq.table, and_(_M.room_id == _E.room_id, _M.seq == _E.message_seq)
)


class EventReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def between(self, room_id: UUID, after: int, until: int, limit: int) -> list[RoomEvent]:
        """Events with `after` < seq <= `until`, ascending, at most `limit`; messages as they are
        now."""
        given = {"room": room_id, "after": after, "until": until, "most": limit}
        return await self._events(_BETWEEN, given)

    async def page(
        self, room_id: UUID, user_id: UUID, after: int, until: int, limit: int
    ) -> list[RoomEvent]:
        """Like `between`; nothing for who is no member."""
        given = {"room": room_id, "user": user_id, "after": after, "until": until, "most": limit}
        return await self._events(_PAGE, given)

    async def within(self, ranges: Iterable[tuple[UUID, int, int]]) -> list[RoomEvent]:
        """All events in ranges (room, after, until) of logs, like `between`."""
        return await self._events(_IN_LOG.where(or_(*(_within(*one) for one in ranges))), {})

    async def _events(
        self, query: Select[*tuple[Any, ...]], given: dict[str, Any]
    ) -> list[RoomEvent]:
        return [_from_row(*row) for row in await self._session.execute(query, given)]

    async def memberships(self, ranges: Iterable[tuple[UUID, int, int]]) -> list[RoomEvent]:
        """Who came and went, in ranges (room, after, until) of logs."""
        rows = await self._session.execute(
            select(*_ROW)
            .where(or_(*(_within(*one) for one in ranges)), _E.type.in_(_MEMBERSHIP_TYPES))
            .order_by(_E.room_id, _E.seq)
        )
        return [_from_row(*row) for row in rows]

    async def left_last(self, room_id: UUID, user_id: UUID) -> bool:
        """What the user did last in the room, among its newest events, was to leave it."""
        given = {"room": room_id, "user": user_id}
        return await self._session.scalar(_LAST_OF, given) == _LEFT

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

    async def density(self) -> tuple[int, list[UUID]]:
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
    def add(self, event: RoomEvent) -> None:
        message = event.message.seq if isinstance(event, MessageEvent) else None
        kept_elsewhere = _ENVELOPE | {"message"} if message else _ENVELOPE
        body = event.model_dump_json(exclude=kept_elsewhere)
        self._session.add(
            RoomEventRow(
                room_id=event.room,
                seq=event.seq,
                type=event.type,
                actor_id=event.actor,
                at=event.at,
                message_seq=message,
                body=None if message and body == "{}" else body,
            )
        )


def _within(room_id: Any, after: Any, until: Any) -> ColumnElement[bool]:
    return and_(_E.room_id == room_id, _E.seq > after, _E.seq <= until)


_HERE = _within(ROOM, bindparam("after"), bindparam("until"))
_BETWEEN = _IN_LOG.where(_HERE).order_by(_E.seq).limit(bindparam("most"))
_PAGE = _BETWEEN.where(IS_MEMBER)

# So many events back: who has said nothing for long was not the one who acted.
_LAST_OF = (
    select(_E.type)
    .join_from(_E.seq.table, _R.seq.table, _R.id == _E.room_id)
    .where(_R.id == ROOM, _E.room_id == ROOM, _E.seq > _R.seq - 1000, _E.actor_id == USER)
    .order_by(_E.seq.desc())
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
    """Of a row of `_IN_LOG`, whose message may be null, or of `_ROW`.

    Never raises: a newer release may have written the row, and what it says is then passed on.
    """
    shown = from_row(message) if message and message[0] is not None else None
    if shown and body is None and (cls := _MESSAGE_EVENTS.get(kind)):
        return cls(type=kind, room=room, seq=seq, actor=actor, at=at, message=shown)
    said = _said(body) | ({"message": shown} if shown else {})
    envelope = {"type": kind, "room": room, "seq": seq, "actor": actor, "at": at}
    return _EVENT.validate_python(said | envelope)


def _said(body: str | None) -> dict[str, Any]:
    try:
        said = orjson.loads(body or "{}")
    except orjson.JSONDecodeError:
        said = None
    return said if isinstance(said, dict) else {}
