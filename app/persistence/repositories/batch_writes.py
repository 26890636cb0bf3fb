"""Writes for a batch of commands about messages: one statement each, however many there are."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
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

from app.persistence.message_tables import ExpiringMessage, Mention, RoomMentionRow
from app.persistence.repositories import event_columns, message_columns
from app.persistence.repositories.event_columns import MessageTotals
from app.persistence.repositories.message_changes import (
    MessageChanges,
)
from app.persistence.repositories.thread_batch import (
    ThreadChanges,
)
from app.persistence.search.writes import search_index
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.executor import Executor
from app.persistence.sql.joined_updates import UpdateByRows, UpdateJoin
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Bound, Statement
from app.persistence.sql.types import Id
from app.persistence.tables import (
    Member,
    MessageRow,
    Room,
    RoomEventRow,
    columns,
)
from app.wire.domain import MentionKind
from app.wire.events import MessageCreated, MessageEvent

_room, _member = columns(Room), columns(Member)
_IN_ROOMS = Room.id.in_(bindparam("rooms", expanding=True))
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


async def append(
    executor: Executor,
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
        writes += changes.writes(search_index(executor))
    if threads:
        writes += threads.writes()
    if mentions:
        writes.append(_INSERT_MENTIONS.bind_rows(_to_mentions(events, mentions)))
    if room_mentions:
        writes.append(_INSERT_ROOM_MENTIONS.bind_rows(_to_rows(events, room_mentions)))
        heads = {event.room: event.seq for event in events}
        rooms = {mention.room: heads[mention.room] for mention in room_mentions}
        writes.append(_UPDATE_ROOM_MENTION_SEQ.bind(room_mention_seqs=to_json(rooms.items())))
    logged = [event_columns.to_row(event, totals) for event, totals, _ in counted]
    writes.append(_INSERT_EVENTS.bind_rows(logged))
    writes += _counter_updates(executor, events, created, mentions)
    await executor.write(*writes)


def _counter_updates(
    executor: Executor,
    events: Sequence[MessageEvent],
    created: Sequence[MessageCreated],
    mentions: Sequence[UserMention],
) -> list[Bound]:
    if executor.joins_updates and len(events) == len(created) == 1 and not mentions:
        [event] = created
        return [_UPDATE_ROOM_AND_SENDER.bind(room=event.room, sender=event.actor, seq=event.seq)]
    updates = [_UPDATE_SEQ.bind(rooms=list({event.room for event in events}))]
    if last_seqs := _to_last_seqs(events, mentions):
        updates.append(_UPDATE_MEMBERS.bind(last_seqs=to_json(last_seqs)))
    return updates


def _to_rows(
    events: Sequence[MessageEvent], mentions: Iterable[RoomMentionOf]
) -> list[dict[str, Any]]:
    """Each is of a message that one of the events is about."""
    times = _message_times(events)
    return [
        {
            "room_id": mention.room,
            "seq": mention.seq,
            "number": number,
            "sender_id": mention.sender,
            "kind": mention.kind.value,
            "group_id": mention.group,
            "users": None if mention.online is None else to_hex_list(mention.online),
            "at": times[mention.room, mention.seq],
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
    times = _message_times(events)
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


def _message_times(events: Iterable[MessageEvent]) -> dict[tuple[UUID, int], datetime]:
    return {(event.room, event.message.seq): event.message.at for event in events}


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
