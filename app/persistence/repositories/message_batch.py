"""Reads and writes for a batch of sends: one statement each, however many sends there are.

It uses no entities: a batch is hundreds of rows that are not read again.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Executable, Table, bindparam, insert, literal, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.send_request import SendRequest
from app.persistence.failures import Failure, classify
from app.persistence.repositories.message_columns import to_row
from app.persistence.repositories.send_preflight import SendPreflight, read_preflight
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.tables import Member, Mention, MessageRow, Room, RoomEventRow, User
from app.wire.domain import RoomKind
from app.wire.events import MessageCreated

_IN_ROOMS = Room.id.in_(bindparam("rooms", expanding=True))
_STATES = (
    select(Room.id, Room.kind, Room.seq, Room.archived_at.is_not(None))
    .where(_IN_ROOMS)
    .order_by(Room.id)
)
_LOCK_ALL, _LOCK_FREE = _STATES.with_for_update(), _STATES.with_for_update(skip_locked=True)
_MEMBERS_BY_NAME = (
    select(User.username_key, Member.room_id, User.id)
    .join(Member, Member.user_id == User.id)
    .where(
        User.username_key.in_(bindparam("names", expanding=True)),
        Member.room_id.in_(bindparam("rooms", expanding=True)),
    )
)
_INSERT_MESSAGES, _INSERT, _INSERT_MENTIONS = (
    insert(cast(Table, table.__table__)) for table in (MessageRow, RoomEventRow, Mention)
)
# While the room is locked, messages with seq > rooms.seq are exactly those without an event yet.
_INSERT_EVENTS = _INSERT.from_select(
    ["room_id", "seq", "type", "actor_id", "at", "message_seq"],
    select(
        MessageRow.room_id,
        MessageRow.seq,
        literal(MessageCreated.model_fields["type"].default),
        MessageRow.sender_id,
        MessageRow.at,
        MessageRow.seq,
    )
    .join(Room, Room.id == MessageRow.room_id)
    .where(_IN_ROOMS, MessageRow.seq > Room.seq),
)
# Then set rooms.seq to the last event.
_UPDATE_SEQ = (
    update(Room)
    .where(_IN_ROOMS)
    .values(
        seq=select(RoomEventRow.seq)
        .where(RoomEventRow.room_id == Room.id)
        .order_by(RoomEventRow.seq.desc())
        .limit(1)
        .scalar_subquery(),
        changed_at=DatabaseNow(),
    )
    .execution_options(synchronize_session=False)
)


@dataclass(slots=True)
class LockedRoomState:
    """A room that this transaction has locked; `seq` grows with each message of the batch."""

    kind: RoomKind
    seq: int
    archived: bool


class RoomLocked(Exception):
    """Another transaction keeps one of several rooms locked: try them individually."""


class MessageBatch:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock_rooms(self, rooms: Iterable[UUID], *, wait: bool) -> dict[UUID, LockedRoomState]:
        """Lock rooms in the order of their ids, so that two batches cannot deadlock.

        Rooms that do not exist are left out; without `wait`, those that another transaction has
        locked, too. With it, raises RoomLocked if one of several stays locked.
        """
        ids = list(rooms)
        try:
            rows = await self._rows(_LOCK_ALL if wait else _LOCK_FREE, rooms=ids)
        except DBAPIError as error:
            if wait and len(ids) > 1 and classify(error) is Failure.CONFLICT:
                raise RoomLocked from error
            raise
        return {
            room: LockedRoomState(kind, seq, bool(archived)) for room, kind, seq, archived in rows
        }

    async def preflight(self, sends: Sequence[SendRequest]) -> SendPreflight:
        """Stays true for as long as the rooms are locked."""
        return await read_preflight(await self._session.connection(), sends)

    async def members_by_name(
        self, names: Collection[str], rooms: Iterable[UUID]
    ) -> dict[tuple[UUID, str], UUID]:
        """The members of these rooms who have one of these names, by room and name."""
        if not names:
            return {}
        rows = await self._rows(_MEMBERS_BY_NAME, names=list(names), rooms=list(rooms))
        return {(room, name): user for name, room, user in rows}

    async def append(
        self, created: Sequence[MessageCreated], mentions: Sequence[tuple[UUID, UUID, int]]
    ) -> None:
        """Record messages with their events, and (user, room, seq) mentions, and move the counters
        of their rooms, which are locked."""
        connection = await self._session.connection()
        rows = [to_row(event.room, event.message) for event in created]
        await connection.execute(_INSERT_MESSAGES, rows)
        if mentions:
            await connection.execute(
                _INSERT_MENTIONS,
                [{"user_id": user, "room_id": room, "seq": seq} for user, room, seq in mentions],
            )
        rooms = {"rooms": list({event.room for event in created})}
        await connection.execute(_INSERT_EVENTS, rooms)
        await connection.execute(_UPDATE_SEQ, rooms)

    async def _rows(self, query: Executable, **parameters: Any) -> Sequence[Any]:
        connection = await self._session.connection()
        rows: Sequence[Any] = (await connection.execute(query, parameters)).all()
        return rows
