"""What a batch of sends asks and records: a statement each, however many there are.

No entities: a batch is hundreds of rows that nobody looks at again.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Executable, Table, bindparam, insert, literal, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.send_request import Send, fingerprint
from app.persistence.failures import Failure, classify
from app.persistence.repositories.send_preflight import Oddities, oddities
from app.persistence.tables import LoggedEvent, Member, Mention, Message, Room, User
from app.persistence.types import DatabaseTime
from app.wire.domain import RoomKind
from app.wire.events import MessageCreated

_HERE = Room.id.in_(bindparam("rooms", expanding=True))
_HEADS = (
    select(Room.id, Room.kind, Room.seq, Room.archived_at.is_not(None))
    .where(_HERE)
    .order_by(Room.id)
)
_LOCK, _LOCK_FREE = _HEADS.with_for_update(), _HEADS.with_for_update(skip_locked=True)
_NAMED = (
    select(User.username_key, Member.room_id, User.id)
    .join(Member, Member.user_id == User.id)
    .where(
        User.username_key.in_(bindparam("names", expanding=True)),
        Member.room_id.in_(bindparam("rooms", expanding=True)),
    )
)
_MESSAGES, _EVENTS, _MENTIONS = (
    insert(cast(Table, table.__table__)) for table in (Message, LoggedEvent, Mention)
)
# The messages that have no event yet are those after the counter: the room is locked.
_LOG = _EVENTS.from_select(
    ["room_id", "seq", "type", "actor_id", "at", "message_seq"],
    select(
        Message.room_id,
        Message.seq,
        literal(MessageCreated.model_fields["type"].default),
        Message.sender_id,
        Message.at,
        Message.seq,
    )
    .join(Room, Room.id == Message.room_id)
    .where(_HERE, Message.seq > Room.seq),
)
# And the counter belongs where the log ends.
_COUNT = (
    update(Room)
    .where(_HERE)
    .values(
        seq=select(LoggedEvent.seq)
        .where(LoggedEvent.room_id == Room.id)
        .order_by(LoggedEvent.seq.desc())
        .limit(1)
        .scalar_subquery(),
        changed_at=DatabaseTime(),
    )
    .execution_options(synchronize_session=False)
)


@dataclass(slots=True)
class Head:
    """A room that this transaction holds locked; `seq` moves as the batch takes its places."""

    kind: RoomKind
    seq: int
    archived: bool


class Taken(Exception):
    """Of several rooms at least one stays locked by somebody else: try them one by one."""


class Sends:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, rooms: Iterable[UUID], *, wait: bool) -> dict[UUID, Head]:
        """Lock rooms, in the order of their ids, so that two batches cannot wait for each other.

        Those that do not exist are left out; without `wait`, those too that somebody else holds.
        With it, raises Taken if one of many is not to be had.
        """
        ids = list(rooms)
        try:
            found = await self._rows(_LOCK if wait else _LOCK_FREE, rooms=ids)
        except DBAPIError as error:
            if wait and len(ids) > 1 and classify(error) is Failure.CONFLICT:
                raise Taken from error
            raise
        return {room: Head(kind, seq, bool(archived)) for room, kind, seq, archived in found}

    async def oddities(self, sends: Sequence[Send]) -> Oddities:
        """What keeps some of these from being recorded; it lasts where the room is locked."""
        return await oddities(await self._session.connection(), sends)

    async def named(
        self, names: Collection[str], rooms: Iterable[UUID]
    ) -> dict[tuple[UUID, str], UUID]:
        """The members of these rooms who have one of these names, by room and name."""
        if not names:
            return {}
        found = await self._rows(_NAMED, names=list(names), rooms=list(rooms))
        return {(room, name): user for name, room, user in found}

    async def add(
        self, created: Sequence[MessageCreated], mentions: Sequence[tuple[UUID, UUID, int]]
    ) -> None:
        """Record messages with their events, and (user, room, seq) mentions, and move the counters
        of their rooms, which are locked."""
        connection = await self._session.connection()
        await connection.execute(_MESSAGES, [_row(event) for event in created])
        if mentions:
            await connection.execute(
                _MENTIONS,
                [{"user_id": user, "room_id": room, "seq": seq} for user, room, seq in mentions],
            )
        rooms = {"rooms": list({event.room for event in created})}
        await connection.execute(_LOG, rooms)
        await connection.execute(_COUNT, rooms)

    async def _rows(self, query: Executable, **values: Any) -> Sequence[Any]:
        connection = await self._session.connection()
        found: Sequence[Any] = (await connection.execute(query, values)).all()
        return found


def _row(event: MessageCreated) -> dict[str, Any]:
    message = event.message
    return {
        "room_id": event.room,
        "seq": message.seq,
        "sender_id": message.sender,
        "nonce": message.nonce,
        "text": message.text,
        "reply_to": message.reply_to,
        "at": message.at,
        "fingerprint": fingerprint(message.text, message.reply_to),
    }
