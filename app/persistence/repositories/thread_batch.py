"""Reads and writes for the replies in threads of a batch: one statement each, however many replies
there are, and none without any."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import BigInteger, FromClause, Insert, Table, and_, case, insert, select, true

from app.persistence.message_tables import ThreadFollower, ThreadMessage, ThreadRow
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS, from_row
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.joined_updates import UpdateByRows
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Bound, Row, Statement
from app.persistence.sql.types import Id, UtcDateTime
from app.persistence.tables import Member, MessageRow, columns
from app.wire.events import Message

ThreadKey = tuple[UUID, int]  # room and seq of the root
FollowerKey = tuple[UUID, int, UUID]  # room, seq of the root, user


class ThreadRoot(NamedTuple):
    """A message that a send of the batch replies to in its thread."""

    message: Message
    sender_is_member: bool


def _insert_missing(table: FromClause, rows: FromClause) -> Insert:
    """Insert rows of a document, except those that are there already. For tables whose rows are
    only inserted while the room is locked."""
    names = [column.name for column in table.columns]
    has_key = and_(*(column == rows.c[column.name] for column in table.primary_key))
    missing = (
        select(*(rows.c[name] for name in names))
        .select_from(rows.outerjoin(table, has_key))
        .where(table.c.room_id.is_(None))
    )
    return insert(cast(Table, table)).from_select(names, join_in_order(missing))


_message, _member = columns(MessageRow), columns(Member)
_thread, _reply, _follower = columns(ThreadRow), columns(ThreadMessage), columns(ThreadFollower)
_ROOTS = json_rows("roots", room=Id(), seq=BigInteger())
_READ_ROOTS = Statement(
    join_in_order(
        select(_message.room_id, _member.role, *MESSAGE_COLUMNS).select_from(
            _ROOTS.join(
                _message.seq.table,
                and_(_message.room_id == _ROOTS.c.room, _message.seq == _ROOTS.c.seq),
            ).outerjoin(
                _member.role.table,
                and_(_member.room_id == _message.room_id, _member.user_id == _message.sender_id),
            )
        )
    )
)
_INSERT_REPLIES = Statement(insert(_reply.seq.table))
_LAST_REPLIES = json_rows(
    "last_replies",
    room_id=Id(),
    root_seq=BigInteger(),
    last_seq=BigInteger(),
    last_at=UtcDateTime(),
)
_INSERT_THREADS = Statement(_insert_missing(_thread.last_seq.table, _LAST_REPLIES))
_UPDATE_THREADS = Statement(
    UpdateByRows(
        _LAST_REPLIES,
        and_(
            _thread.room_id == _LAST_REPLIES.c.room_id, _thread.root_seq == _LAST_REPLIES.c.root_seq
        ),
        {_thread.last_seq: _LAST_REPLIES.c.last_seq, _thread.last_at: _LAST_REPLIES.c.last_at},
    )
)
_FOLLOWERS = json_rows(
    "followers",
    room_id=Id(),
    root_seq=BigInteger(),
    user_id=Id(),
    read_seq=BigInteger(),
    is_following=BigInteger(),
)
_INSERT_FOLLOWERS = Statement(_insert_missing(_follower.user_id.table, _FOLLOWERS))
_MARKERS = json_rows("markers", room=Id(), root=BigInteger(), user=Id(), seq=BigInteger())
_marker = _MARKERS.c
_MOVE_MARKERS = Statement(
    UpdateByRows(
        _MARKERS,
        and_(
            _follower.room_id == _marker.room,
            _follower.root_seq == _marker.root,
            _follower.user_id == _marker.user,
        ),
        {
            _follower.read_seq: case(
                (_marker.seq > _follower.read_seq, _marker.seq), else_=_follower.read_seq
            )
        },
    )
)
_FOLLOWING = json_rows("following", room=Id(), user=Id())
_NOTE_FOLLOWING = Statement(
    UpdateByRows(
        _FOLLOWING,
        and_(_member.room_id == _FOLLOWING.c.room, _member.user_id == _FOLLOWING.c.user),
        {_member.follows_threads: true()},
    )
)


def bind_roots(roots: Collection[ThreadKey]) -> Bound:
    return _READ_ROOTS.bind(roots=to_json(roots))


def read_roots(rows: Iterable[Row]) -> dict[ThreadKey, ThreadRoot]:
    """Those that exist, from the rows of `bind_roots`."""
    roots = {}
    for room, role, *values in rows:
        message = from_row(values)
        roots[room, message.seq] = ThreadRoot(message, role is not None)
    return roots


@dataclass(slots=True)
class ThreadChanges:
    """What a batch changes of threads, besides their roots."""

    replies: list[tuple[UUID, int, int]] = field(default_factory=list)
    """Room, seq of the root, seq of the reply."""
    threads: dict[ThreadKey, tuple[int, datetime]] = field(default_factory=dict)
    """The last reply of each, and its time."""
    followers: dict[FollowerKey, int] = field(default_factory=dict)
    """The read markers of those who follow from now on, unless they did so before, or have said
    that they do not want to."""
    markers: dict[FollowerKey, int] = field(default_factory=dict)
    """Read markers to move forward."""

    def writes(self) -> list[Bound]:
        writes = []
        if self.replies:
            names = ("room_id", "root_seq", "seq", "is_deleted")
            rows = [dict(zip(names, (*reply, False), strict=True)) for reply in self.replies]
            writes.append(_INSERT_REPLIES.bind_rows(rows))
            last = to_json((*key, *last) for key, last in self.threads.items())
            writes += [_INSERT_THREADS.bind(last_replies=last)]
            writes += [_UPDATE_THREADS.bind(last_replies=last)]
        if self.followers:
            followers = to_json((*key, seq, 1) for key, seq in self.followers.items())
            writes.append(_INSERT_FOLLOWERS.bind(followers=followers))
            users = {(room, user) for room, _, user in self.followers}
            writes.append(_NOTE_FOLLOWING.bind(following=to_json(sorted(users))))
        if self.markers:
            markers = to_json((*key, seq) for key, seq in self.markers.items())
            writes.append(_MOVE_MARKERS.bind(markers=markers))
        return writes
