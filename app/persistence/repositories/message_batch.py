"""Reads and writes for a batch of sends: one statement each, however many sends there are."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import DBAPIError

from app.core.send_request import SendRequest
from app.persistence.failures import Failure, classify
from app.persistence.repositories import event_columns, message_columns
from app.persistence.repositories.send_preflight import (
    SendPreflight,
    bind_preflight,
    read_preflight,
)
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.executor import Executor, Rows
from app.persistence.sql.statement import Bound, Statement
from app.persistence.tables import Member, Mention, MessageRow, Room, RoomEventRow, User, columns
from app.wire.domain import RoomKind
from app.wire.events import MessageCreated

_IN_ROOMS = Room.id.in_(bindparam("rooms", expanding=True))
_STATES = (
    select(Room.id, Room.kind, Room.seq, Room.archived_at.is_not(None))
    .where(_IN_ROOMS)
    .order_by(Room.id)
)
_LOCK_ALL = Statement(_STATES.with_for_update())
_LOCK_FREE = Statement(_STATES.with_for_update(skip_locked=True))
_MEMBERS_BY_NAME = Statement(
    select(User.username_key, Member.room_id, User.id)
    .join(Member, Member.user_id == User.id)
    .where(
        User.username_key.in_(bindparam("names", expanding=True)),
        Member.room_id.in_(bindparam("rooms", expanding=True)),
    )
)
_INSERT_MESSAGES = Statement(insert(columns(MessageRow).seq.table))
_INSERT_MENTIONS = Statement(insert(columns(Mention).seq.table))
_INSERT_EVENTS = Statement(insert(columns(RoomEventRow).seq.table))
# Then set rooms.seq to the last event. MySQL sorts the whole log of a room unless the order names
# the key from its first column.
_UPDATE_SEQ = Statement(
    update(Room)
    .where(_IN_ROOMS)
    .values(
        seq=select(RoomEventRow.seq)
        .where(RoomEventRow.room_id == Room.id)
        .order_by(RoomEventRow.room_id.desc(), RoomEventRow.seq.desc())
        .limit(1)
        .scalar_subquery(),
        changed_at=DatabaseNow(),
    )
)


@dataclass(slots=True)
class LockedRoomState:
    """A room that this transaction has locked; `seq` grows with each message of the batch."""

    kind: RoomKind
    seq: int
    archived: bool


class RoomLocked(Exception):
    """Another transaction keeps one of several rooms locked: try them individually."""


class BatchFacts(NamedTuple):
    """What the rules need to know of a batch; true for as long as its rooms are locked."""

    rooms: dict[UUID, LockedRoomState]
    preflight: SendPreflight
    members: dict[tuple[UUID, str], UUID]  # those that the texts name, by room and name


class MessageBatch:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def lock_and_read(
        self, sends: Sequence[SendRequest], names: Collection[str], *, wait: bool
    ) -> BatchFacts:
        """Lock the rooms of a batch as `lock_rooms` does, and read what the rules need and which
        members have one of these names."""
        rooms = {send.room for send in sends}
        questions = [bind_preflight(sends)]
        if names:
            questions.append(_MEMBERS_BY_NAME.bind(names=list(names), rooms=list(rooms)))
        locked, preflight, *members = await self._lock(rooms, wait, questions)
        return BatchFacts(
            _room_states(locked),
            read_preflight(preflight, sends),
            {(room, name): user for rows in members for name, room, user in rows},
        )

    async def lock_rooms(self, rooms: Iterable[UUID], *, wait: bool) -> dict[UUID, LockedRoomState]:
        """Lock rooms in the order of their ids, so that two batches cannot deadlock.

        Rooms that do not exist are left out; without `wait`, those that another transaction has
        locked, too. With it, raises RoomLocked if one of several stays locked.
        """
        (locked,) = await self._lock(list(rooms), wait, ())
        return _room_states(locked)

    async def _lock(
        self, rooms: Collection[UUID], wait: bool, questions: Sequence[Bound]
    ) -> list[Rows]:
        """The rooms are locked before the questions are asked."""
        lock = (_LOCK_ALL if wait else _LOCK_FREE).bind(rooms=list(rooms))
        try:
            return await self._executor.read(lock, *questions)
        except DBAPIError as error:
            if wait and len(rooms) > 1 and classify(error) is Failure.CONFLICT:
                raise RoomLocked from error
            raise

    async def append(
        self, created: Sequence[MessageCreated], mentions: Sequence[tuple[UUID, UUID, int]]
    ) -> None:
        """Record messages with their events, and (user, room, seq) mentions, and move the counters
        of their rooms, which are locked."""
        rooms = list({event.room for event in created})
        messages = [message_columns.to_row(event.room, event.message) for event in created]
        writes = [_INSERT_MESSAGES.bind_rows(messages)]
        if mentions:
            rows = [{"user_id": user, "room_id": room, "seq": seq} for user, room, seq in mentions]
            writes.append(_INSERT_MENTIONS.bind_rows(rows))
        writes.append(_INSERT_EVENTS.bind_rows(list(map(event_columns.to_row, created))))
        writes.append(_UPDATE_SEQ.bind(rooms=rooms))
        await self._executor.write(*writes)


def _room_states(rows: Rows) -> dict[UUID, LockedRoomState]:
    return {room: LockedRoomState(kind, seq, bool(archived)) for room, kind, seq, archived in rows}
