"""Reads and writes for a batch of sends: one statement each, however many sends there are."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    and_,
    bindparam,
    func,
    insert,
    null,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from app.core.message_commands import MessageChange
from app.core.send_request import SendRequest
from app.persistence.failures import Failure, classify
from app.persistence.repositories import event_columns, message_columns
from app.persistence.repositories.event_columns import MessageTotals
from app.persistence.repositories.message_changes import (
    ChangeTarget,
    MessageChanges,
    bind_targets,
    read_targets,
)
from app.persistence.repositories.send_preflight import (
    SendPreflight,
    bind_preflight,
    read_preflight,
)
from app.persistence.repositories.thread_batch import (
    ThreadChanges,
    ThreadKey,
    ThreadRoot,
    bind_roots,
    read_roots,
)
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.executor import Executor, Rows
from app.persistence.sql.joined_updates import UpdateByRows, UpdateJoin
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Bound, Statement
from app.persistence.sql.types import Id
from app.persistence.tables import (
    ExpiringMessage,
    Member,
    Mention,
    MessageRow,
    Room,
    RoomEventRow,
    RoomMentionRow,
    User,
    UserGroup,
    columns,
)
from app.wire.domain import MentionKind, RoomKind
from app.wire.events import MessageCreated, MessageEvent

_room, _member = columns(Room), columns(Member)
_IN_ROOMS = Room.id.in_(bindparam("rooms", expanding=True))
# NULL where another transaction has committed since this statement began, and in a log that a
# program of the step before has written: it is read again then.
_HEAD_COUNT = (
    select(RoomEventRow.message_count)
    .where(RoomEventRow.room_id == Room.id, RoomEventRow.seq == Room.seq)
    .scalar_subquery()
)
_STATES = (
    select(Room.id, Room.kind, Room.seq, Room.archived_at.is_not(None), _HEAD_COUNT)
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
_GROUPS_BY_NAME = Statement(
    select(UserGroup.handle_key, UserGroup.id).where(
        UserGroup.handle_key.in_(bindparam("names", expanding=True))
    )
)
_INSERT_MESSAGES = Statement(insert(columns(MessageRow).seq.table))
_INSERT_EXPIRING = Statement(insert(columns(ExpiringMessage).seq.table))
_INSERT_MENTIONS = Statement(insert(columns(Mention).seq.table))
_INSERT_ROOM_MENTIONS = Statement(insert(columns(RoomMentionRow).seq.table))
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
_LAST_MESSAGE_SEQS = Statement(
    select(_room.id, columns(RoomEventRow).last_message_seq)
    .join(
        columns(RoomEventRow).seq.table,
        and_(columns(RoomEventRow).room_id == _room.id, columns(RoomEventRow).seq == _room.seq),
    )
    .where(_IN_ROOMS)
)
_HEAD_COUNTS = Statement(select(Room.id, _HEAD_COUNT).where(_IN_ROOMS))
_LOG = RoomEventRow.room_id == bindparam("room")
_LAST_COUNTED = Statement(
    select(RoomEventRow.seq, RoomEventRow.message_count)
    .where(_LOG, RoomEventRow.message_count.is_not(None))
    .order_by(RoomEventRow.room_id.desc(), RoomEventRow.seq.desc())
    .limit(1)
)
_COUNT_MESSAGES = Statement(
    select(func.count()).where(
        _LOG, RoomEventRow.seq > bindparam("after"), RoomEventRow.message_seq.is_not(None)
    )
)


def _last_seqs(
    sent_seq: ColumnElement[Any], mentioned_seq: ColumnElement[Any]
) -> dict[Column[Any], ColumnElement[Any]]:
    """The values of a member after a last message, which has read everything before it, and a last
    mention; either may be null."""
    return {
        _member.read_seq: func.coalesce(sent_seq, _member.read_seq),
        _member.sent_seq: func.coalesce(sent_seq, _member.sent_seq),
        _member.mentioned_seq: func.coalesce(mentioned_seq, _member.mentioned_seq),
    }


_LAST_SEQS = json_rows(
    "last_seqs", room=Id(), user=Id(), sent_seq=BigInteger(), mentioned_seq=BigInteger()
)
_last = _LAST_SEQS.c
_UPDATE_MEMBERS = Statement(
    UpdateByRows(
        _LAST_SEQS,
        and_(_member.room_id == _last.room, _member.user_id == _last.user),
        _last_seqs(_last.sent_seq, _last.mentioned_seq),
    )
)
_ROOM_MENTION_SEQS = json_rows("room_mention_seqs", room=Id(), seq=BigInteger())
_UPDATE_ROOM_MENTION_SEQ = Statement(
    UpdateByRows(
        _ROOM_MENTION_SEQS,
        _room.id == _ROOM_MENTION_SEQS.c.room,
        {_room.room_mention_seq: _ROOM_MENTION_SEQS.c.seq},
    )
)
# Of one message without a mention, which is what most batches have while little happens: to take a
# document apart, or to answer one statement more, would be a tenth of the time of the send.
_ROOM, _SENDER = bindparam("room", type_=Id()), bindparam("sender", type_=Id())
_SEQ = bindparam("seq", type_=BigInteger)
_UPDATE_ROOM_AND_SENDER = Statement(
    UpdateJoin(
        _room.seq.table.outerjoin(  # an import has senders who are not members any more
            _member.role.table, and_(_member.room_id == _room.id, _member.user_id == _SENDER)
        ),
        {_room.seq: _SEQ, _room.changed_at: DatabaseNow()} | _last_seqs(_SEQ, null()),
        _room.id == _ROOM,
    )
)
_FORGET_LAST_SEQS = Statement(
    update(Member)
    .where(Member.room_id.in_(bindparam("rooms", expanding=True)))
    .values(sent_seq=None, mentioned_seq=None)
)


@dataclass(slots=True)
class LockedRoomState:
    """A room that this transaction has locked; it changes with each event of the batch. The seq of
    the newest message is only known in a batch that changes messages or has replies in threads."""

    kind: RoomKind
    seq: int
    archived: bool
    message_count: int
    last_message_seq: int | None = None


class CountedEvent(NamedTuple):
    """The event of a message, and the messages that its room has up to it."""

    event: MessageEvent
    totals: MessageTotals
    fingerprint: bytes = b""  # of the content that was sent, if it was


class UserMention(NamedTuple):
    user: UUID
    room: UUID
    seq: int


class RoomMentionOf(NamedTuple):
    """That a message mentions several users at once: `online` of HERE, `group` of GROUP."""

    room: UUID
    seq: int
    sender: UUID
    kind: MentionKind
    group: UUID | None = None
    online: frozenset[UUID] | None = None


class RoomLocked(Exception):
    """Another transaction keeps one of several rooms locked: try them individually."""


class BatchFacts(NamedTuple):
    """What the rules need to know of a batch; true for as long as its rooms are locked."""

    rooms: dict[UUID, LockedRoomState]
    preflight: SendPreflight
    members: dict[tuple[UUID, str], UUID]  # those that the texts name, by room and name
    groups: dict[str, UUID]  # those that the texts name
    targets: dict[int, ChangeTarget]  # by the number of the change
    roots: dict[ThreadKey, ThreadRoot]  # of the threads that are replied in


class MessageBatch:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def lock_and_read(
        self,
        sends: Sequence[SendRequest],
        changes: Sequence[MessageChange],
        names: Collection[str],
        *,
        wait: bool,
    ) -> BatchFacts:
        """Lock the rooms of a batch as `lock_rooms` does, and read what the rules need and which
        members and groups have one of these names."""
        rooms = list({command.room for command in (*sends, *changes)})
        questions = {}
        if sends:
            questions["preflight"] = bind_preflight(sends)
        if names:
            questions["members"] = _MEMBERS_BY_NAME.bind(names=list(names), rooms=rooms)
            questions["groups"] = _GROUPS_BY_NAME.bind(names=list(names))
        roots = {(s.room, s.content.thread) for s in sends if s.content.thread is not None}
        if roots:
            questions["roots"] = bind_roots(roots)
        if changes:
            questions["targets"] = bind_targets(changes)
        if changes or roots:
            questions["last_seqs"] = _LAST_MESSAGE_SEQS.bind(rooms=rooms)
        locked, *answers = await self._lock(rooms, wait, [*questions.values()])
        rows = dict(zip(questions, answers, strict=True))
        states = await self._room_states(locked)
        for room, seq in rows.get("last_seqs", ()):
            if room in states:
                states[room].last_message_seq = seq
        return BatchFacts(
            states,
            read_preflight(rows.get("preflight", ()), sends),
            {(room, name): user for name, room, user in rows.get("members", ())},
            {name: group for name, group in rows.get("groups", ())},  # noqa: C416 - rows to mypy
            read_targets(rows.get("targets", ())),
            read_roots(rows.get("roots", ())),
        )

    async def lock_rooms(self, rooms: Iterable[UUID], *, wait: bool) -> dict[UUID, LockedRoomState]:
        """Lock rooms in the order of their ids, so that two batches cannot deadlock.

        Rooms that do not exist are left out; without `wait`, those that another transaction has
        locked, too. With it, raises RoomLocked if one of several stays locked.
        """
        (locked,) = await self._lock(list(rooms), wait, ())
        return await self._room_states(locked)

    async def _room_states(self, rows: Rows) -> dict[UUID, LockedRoomState]:
        uncounted = [room for room, _, seq, _, count in rows if count is None and seq]
        counts = await self._count(uncounted) if uncounted else {}
        return {
            room: LockedRoomState(kind, seq, bool(archived), count or counts.get(room, 0))
            for room, kind, seq, archived, count in rows
        }

    async def _count(self, rooms: Sequence[UUID]) -> dict[UUID, int]:
        """The messages of rooms that are locked. What a program of the step before has written is
        counted: it has noted neither their number nor whose they are."""
        [rows] = await self._executor.read(_HEAD_COUNTS.bind(rooms=rooms))
        counts: dict[UUID, int] = {room: count for room, count in rows if count is not None}
        unknown = [room for room in rooms if room not in counts]
        for room in unknown:
            [last] = await self._executor.read(_LAST_COUNTED.bind(room=room))
            after, count = last[0] if last else (0, 0)
            [[[more]]] = await self._executor.read(_COUNT_MESSAGES.bind(room=room, after=after))
            counts[room] = count + more
        if unknown:
            await self._executor.write(_FORGET_LAST_SEQS.bind(rooms=unknown))
        return counts

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
        self,
        counted: Sequence[CountedEvent],
        mentions: Sequence[UserMention],
        room_mentions: Sequence[RoomMentionOf],
        changes: MessageChanges | None,
        threads: ThreadChanges | None,
    ) -> None:
        """Record events with the messages that they create, mentions, and changes of messages and
        threads, and move the counters of their rooms, which are locked, and the read markers of
        their senders."""
        events = [entry.event for entry in counted]
        created = [event for event in events if isinstance(event, MessageCreated)]
        writes = []
        if created:
            messages = [
                message_columns.to_row(event.room, event.message, fingerprint)
                for event, _, fingerprint in counted
                if isinstance(event, MessageCreated)
            ]
            writes.append(_INSERT_MESSAGES.bind_rows(messages))
            expiring = [*map(_to_expiring, filter(_expires, created))]
            if expiring:
                writes.append(_INSERT_EXPIRING.bind_rows(expiring))
        if changes:
            writes += changes.writes()
        if threads:
            writes += threads.writes()
        if mentions:
            writes.append(_INSERT_MENTIONS.bind_rows(_to_mentions(events, mentions)))
        if room_mentions:
            writes.append(_INSERT_ROOM_MENTIONS.bind_rows(_to_rows(room_mentions)))
            heads = {event.room: event.seq for event in events}
            rooms = {mention.room: heads[mention.room] for mention in room_mentions}
            writes.append(_UPDATE_ROOM_MENTION_SEQ.bind(room_mention_seqs=to_json(rooms.items())))
        logged = [event_columns.to_row(event, totals) for event, totals, _ in counted]
        writes.append(_INSERT_EVENTS.bind_rows(logged))
        writes += self._counter_updates(events, created, mentions)
        await self._executor.write(*writes)

    def _counter_updates(
        self,
        events: Sequence[MessageEvent],
        created: Sequence[MessageCreated],
        mentions: Sequence[UserMention],
    ) -> list[Bound]:
        if self._executor.joins_updates and len(events) == len(created) == 1 and not mentions:
            [event] = created
            return [
                _UPDATE_ROOM_AND_SENDER.bind(room=event.room, sender=event.actor, seq=event.seq)
            ]
        updates = [_UPDATE_SEQ.bind(rooms=list({event.room for event in events}))]
        if last_seqs := _to_last_seqs(events, mentions):
            updates.append(_UPDATE_MEMBERS.bind(last_seqs=to_json(last_seqs)))
        return updates


def _to_rows(mentions: Iterable[RoomMentionOf]) -> list[dict[str, Any]]:
    return [
        {
            "room_id": mention.room,
            "seq": mention.seq,
            "number": number,
            "sender_id": mention.sender,
            "kind": mention.kind.value,
            "group_id": mention.group,
            "users": None if mention.online is None else to_hex_list(mention.online),
        }
        for number, mention in enumerate(mentions)
    ]


def to_hex_list(users: Iterable[UUID]) -> str:
    """For `room_mentions.users`: each id can be found as text."""
    return orjson.dumps(sorted(user.hex for user in users)).decode()


def _to_mentions(
    events: Sequence[MessageEvent], mentions: Iterable[UserMention]
) -> list[dict[str, object]]:
    """Each is of a message that one of the events is about."""
    hidden = _out_of_timeline(events)
    times = {(event.room, event.message.seq): event.at for event in events}
    return [
        {
            "user_id": user,
            "room_id": room,
            "seq": seq,
            "at": times[room, seq],
            "in_timeline": (room, seq) not in hidden,
        }
        for user, room, seq in mentions
    ]


def _out_of_timeline(events: Sequence[MessageEvent]) -> set[tuple[UUID, int]]:
    """(room, seq) of the messages that are only in their threads."""
    return {(e.room, e.message.seq) for e in events if not e.message.in_timeline}


def _expires(event: MessageCreated) -> bool:
    return event.message.expires_at is not None


def _to_expiring(event: MessageCreated) -> dict[str, object]:
    return {"expires_at": event.message.expires_at, "room_id": event.room, "seq": event.seq}


def _to_last_seqs(
    events: Sequence[MessageEvent], mentions: Iterable[UserMention]
) -> Collection[tuple[UUID, UUID, int | None, int | None]]:
    """The rows of `_LAST_SEQS`, one for each member concerned. A mention that an edit has added is
    noted at the newest event of its room: no later one is overlooked then. What is only in threads
    moves nothing."""
    hidden = _out_of_timeline(events)
    heads = {event.room: event.seq for event in events}
    rows: dict[tuple[UUID, UUID], tuple[UUID, UUID, int | None, int | None]] = {
        (event.room, event.actor): (event.room, event.actor, event.seq, None)
        for event in events
        if isinstance(event, MessageCreated) and event.message.in_timeline
    }
    new = {(event.room, event.seq) for event in events if isinstance(event, MessageCreated)}
    for user, room, seq in mentions:
        if (room, seq) in hidden:
            continue
        *_, sent_seq, mentioned_seq = rows.get((room, user), (None, None))
        noted = seq if (room, seq) in new else heads[room]
        rows[room, user] = (room, user, sent_seq, max(mentioned_seq or 0, noted))
    return rows.values()
