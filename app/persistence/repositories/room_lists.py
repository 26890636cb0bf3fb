"""The rooms of users, with what each has not read: for many users and rooms in one statement.

Each event knows how many messages its log has up to it: what is unread is the difference between
the head and the read marker, however much that is. Where that does not tell (a marker that was
moved back behind own messages, mentions, rows of a program of the step before), rows are counted:
up to a maximum, and between constants, because MySQL and MariaDB read the whole log of a room for a
condition on seq that depends on another row.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from app.core.clock import now
from app.core.sync_tokens import ListPosition
from app.persistence.message_tables import (
    DeletedMessage,
    Mention,
    ThreadFollower,
    ThreadRow,
)
from app.persistence.repositories.blocks import has_blocked_sender
from app.persistence.repositories.member_filter import is_present, visible_after
from app.persistence.repositories.memberships import MembershipBatch
from app.persistence.repositories.message_pages import PREVIEW_CHARS
from app.persistence.repositories.messages import IS_DELETED
from app.persistence.repositories.room_mentions import capped_room_mentions
from app.persistence.repositories.user_logs import to_subject
from app.persistence.sql.executor import Reader, Rows
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id
from app.persistence.sql.unions import capped_count, read_union
from app.persistence.tables import (
    Member,
    MessageRow,
    Room,
    RoomEventRow,
    UserEventRow,
    columns,
)
from app.wire.domain import Role, RoomKind
from app.wire.items import ItemKey


class RoomListRow(NamedTuple):
    """A room in the list of one of its members, with what the member has not read. Counts beyond
    the maximum are one more than it. `last_*` is the newest message; None: there is none."""

    user: UUID
    id: UUID
    kind: RoomKind
    name: str | None
    topic: str
    direct_key: bytes | None
    created_at: datetime
    archived_at: datetime | None
    settings: str | None
    overrides: str | None
    role: Role
    timed_out_until: datetime | None
    last_seq: int | None
    last_sender: UUID | None
    last_at: datetime | None
    last_text: str | None
    seq: int
    read_seq: int
    unread: int
    mentions: int
    unread_threads: int


class ListChanges(NamedTuple):
    """The rooms of users, (user, room) of rooms that the users have left or that were deleted, and
    (user, item) of items that have changed."""

    rooms: list[RoomListRow]
    gone: list[tuple[UUID, UUID]]
    items: list[tuple[UUID, ItemKey]]


def _preview(text: ColumnElement[str]) -> ColumnElement[str]:
    """The first characters of a message."""
    return func.substr(text, 1, PREVIEW_CHARS)


_room, _member = columns(Room), columns(Member)
_HEAD, _MARKER = (columns(RoomEventRow).seq.table.alias(name) for name in ("head", "marker"))
_head, _marker = _HEAD.c, _MARKER.c
_message, _mention, _user_event = columns(MessageRow), columns(Mention), columns(UserEventRow)
_deleted = columns(DeletedMessage)
_thread, _follower = columns(ThreadRow), columns(ThreadFollower)
_LAST = columns(MessageRow).seq.table.alias("last_message")
_last = _LAST.c

# What `_Position` has.
_POSITION = (
    *(_head.message_count, _head.last_message_seq, _marker.message_count),
    *(_member.sent_seq, _member.mentioned_seq, _room.deleted_seq, _room.room_mention_seq),
    *(_room.seq, _member.read_seq),
)
_LISTED = (
    *(_member.user_id, _room.id, _room.kind, _room.name, _room.topic, _room.direct_key),
    *(_room.created_at, _room.archived_at, _room.settings, _room.overrides),
    *(_member.role, _member.timed_out_until),
    *(_last.seq, _last.sender_id, _last.at, _preview(_last.text)),
    *(_member.follows_threads, visible_after(_member, _room)),
    *_POSITION,
)
# Their places in a row.
_LAST_MESSAGE, _FOLLOWS_THREADS, _VISIBLE_AFTER = slice(12, 16), 16, 17
_NO_MESSAGE = (None, None, None, None)
_OUTER_JOINS: tuple[tuple[FromClause, ColumnElement[bool]], ...] = (
    (_HEAD, and_(_head.room_id == _room.id, _head.seq == _room.seq)),
    (_MARKER, and_(_marker.room_id == _member.room_id, _marker.seq == _member.read_seq)),
    (_LAST, and_(_last.room_id == _room.id, _last.seq == _head.last_message_seq)),
)


def _join_outer(joined: Any) -> Any:
    for table, has_key in _OUTER_JOINS:
        joined = joined.outerjoin(table, has_key)
    return joined


_ENTRIES = MembershipBatch(*_LISTED, outer_joins=_OUTER_JOINS)
_MEMBERS_WITH_ROOMS = _member.room_id.table.join(_room.id.table, _room.id == _member.room_id)
_LISTED_ROOMS = select(*_LISTED).select_from(
    _join_outer(_member.room_id.table.join(_room.id.table, is_present(_room, _member.room_id)))
)
_ALL_ROOMS = Statement(_LISTED_ROOMS.where(_member.user_id.in_(bindparam("users", expanding=True))))
_PAGE = (
    _LISTED_ROOMS.where(_member.user_id == bindparam("user"))
    .order_by(_member.room_id)
    .limit(bindparam("max_rows"))
)
_FIRST_PAGE = Statement(_PAGE)
_NEXT_PAGE = Statement(_PAGE.where(_member.room_id > bindparam("after")))

_USER, _IN_ROOM = bindparam("user", type_=Id()), bindparam("room", type_=Id())
_AFTER, _UNTIL = bindparam("after", type_=BigInteger), bindparam("until", type_=BigInteger)


# Also those that were deleted, which are gone. Between constants, MariaDB finds the rooms that have
# changed by the index of their times, or looks only those up that are in it.
_CHANGED_ROOMS = Statement(
    select(_member.user_id, _member.room_id)
    .select_from(_MEMBERS_WITH_ROOMS)
    .where(_member.user_id == _USER, _room.changed_at > bindparam("at"))
)
_USER_EVENTS = Statement(
    select(
        *(_user_event.user_id, _user_event.room_id),
        *(_user_event.item, _user_event.item_seq, _user_event.item_id),
    ).where(
        _user_event.user_id == _USER,
        _user_event.seq > _AFTER,
        # What concerns all rooms names the user, and is an item; not so of the release before.
        or_(_user_event.item.is_not(None), _user_event.room_id != _USER),
    )
)
_newest = (
    select(_message.seq, _message.sender_id, _message.at, _message.text)
    .where(_message.room_id == _IN_ROOM, _message.in_timeline, ~IS_DELETED)
    .order_by(_message.room_id.desc(), _message.seq.desc())
    .limit(1)
    .subquery()
    .c
)
_NEWEST_MESSAGE = Statement(
    select(
        bindparam("n", type_=BigInteger),
        *(_newest.seq, _newest.sender_id, _newest.at, _preview(_newest.text)),
    )
)
_UNREAD = capped_count(
    _message.room_id == _IN_ROOM,
    _message.seq > _AFTER,
    _message.seq <= _UNTIL,
    _message.sender_id != _USER,
    _message.in_timeline,
    ~IS_DELETED,
)
_DELETED = Statement(
    select(bindparam("n", type_=BigInteger), func.count()).where(
        _deleted.room_id == _IN_ROOM,
        _deleted.seq > _AFTER,
        _deleted.seq <= _UNTIL,
        _deleted.in_timeline,
    )
)
_MENTIONS = capped_count(
    _mention.user_id == _USER,
    _mention.room_id == _IN_ROOM,
    _mention.seq > _AFTER,
    _mention.seq <= _UNTIL,
    _mention.in_timeline,
    ~has_blocked_sender(_USER, _mention),
)
# Only threads that the member has followed have a row; the newest ones are looked at.
_followed = (
    select(_follower.root_seq, _follower.read_seq)
    .where(_follower.user_id == _USER, _follower.room_id == _IN_ROOM, _follower.is_following)
    .order_by(_follower.root_seq.desc())
    .limit(bindparam("max_rows"))
    .subquery()
)
_UNREAD_THREADS = Statement(
    join_in_order(
        select(bindparam("n", type_=BigInteger), func.count())
        .select_from(
            _followed.join(
                _thread.last_seq.table,
                and_(_thread.room_id == _IN_ROOM, _thread.root_seq == _followed.c.root_seq),
            )
        )
        .where(
            _thread.last_seq > _followed.c.read_seq,
            _thread.root_seq > bindparam("visible_after", type_=BigInteger),
        )
    )
)


_ROOM_MENTIONS = capped_room_mentions(user=_USER, room=_IN_ROOM, after=_AFTER, until=_UNTIL)


class _Position(NamedTuple):
    """A read marker in a log, and what is known of the messages after it."""

    message_count: int | None  # of the log
    last_message_seq: int | None
    marker_count: int | None  # of the log up to the marker
    sent_seq: int | None
    mentioned_seq: int | None
    deleted_seq: int | None
    room_mention_seq: int | None
    seq: int
    read_seq: int

    def has_deleted(self) -> bool:
        """Whether messages after the marker may have been deleted."""
        return self.deleted_seq is not None and self.deleted_seq > self.read_seq

    def unread(self) -> int | None:
        """With those that were deleted. None: it has to be counted, without them."""
        if self.read_seq >= self.seq:
            return 0
        if self.message_count is None or self.sent_seq is None or self.sent_seq > self.read_seq:
            return None
        if self.read_seq == 0:
            return self.message_count
        return None if self.marker_count is None else self.message_count - self.marker_count

    def mentions(self, unread: int | None) -> int | None:
        """None: they have to be counted."""
        if unread == 0:
            return 0
        if self.message_count is None:  # a program of the step before may have written the mention
            return None
        is_known = self.mentioned_seq is not None and self.mentioned_seq <= self.read_seq
        return 0 if is_known else None

    def room_mentions(self, unread: int | None) -> int | None:
        """Of many users at once. None: they have to be counted."""
        return 0 if unread == 0 or (self.room_mention_seq or 0) <= self.read_seq else None


def _visible(last_message: Sequence[Any], visible_after_seq: int) -> Sequence[Any]:
    seq = last_message[0]
    return last_message if seq is not None and seq > visible_after_seq else _NO_MESSAGE


class RoomLists:
    def __init__(self, reader: Reader, max_unread: int) -> None:
        self._reader = reader
        self._max_unread = max_unread

    async def page(self, user_id: UUID, after: UUID | None, limit: int) -> list[RoomListRow]:
        """The user's rooms, by id."""
        page = _FIRST_PAGE if after is None else _NEXT_PAGE
        [rows] = await self._reader.read(page.bind(user=user_id, max_rows=limit, after=after))
        return await self._complete(rows)

    async def entries(self, pairs: Iterable[tuple[UUID, UUID]]) -> list[RoomListRow]:
        """Of (room, user) pairs; pairs that are no memberships are left out."""
        return await self._complete(await _ENTRIES.read(self._reader, pairs))

    async def all_rooms(self, users: Collection[UUID]) -> list[RoomListRow]:
        [rows] = await self._reader.read(_ALL_ROOMS.bind(users=list(users)))
        return await self._complete(rows)

    async def changes(self, since: Mapping[UUID, ListPosition]) -> ListChanges:
        """What has changed for users since their positions: rooms that have changed, rooms that
        their logs name, also if these were left and joined again, and items."""
        logs = [{"user": user, "after": position.seq} for user, position in since.items()]
        times = [{"user": user, "at": position.at} for user, position in since.items()]
        events, changed = await self._reader.read(
            _USER_EVENTS.bind_union(logs), _CHANGED_ROOMS.bind_union(times)
        )
        subjects = {(user, to_subject(*subject)) for user, *subject in events}
        named = {(user, room) for user, room in subjects if isinstance(room, UUID)}
        listed = named.union((user, room) for user, room in changed)
        rooms = await self.entries((room, user) for user, room in listed) if listed else []
        gone = sorted(listed - {(row.user, row.id) for row in rooms})
        items = [(user, item) for user, item in subjects if isinstance(item, ItemKey)]
        return ListChanges(rooms, gone, items)

    async def _complete(self, rows: Rows) -> list[RoomListRow]:
        """Fill in the counts, and what a program of the step before has not noted."""
        positions = [_Position(*row[-len(_POSITION) :]) for row in rows]
        unread = [position.unread() for position in positions]
        mentions = [*map(_Position.mentions, positions, unread)]
        deleted = [
            n for n, position in enumerate(positions) if unread[n] and position.has_deleted()
        ]
        for n, count in (await self._count(_DELETED, rows, deleted)).items():
            unread[n] = max(0, (unread[n] or 0) - count)
        await self._count_unknown(_UNREAD, rows, unread)
        await self._count_unknown(_MENTIONS, rows, mentions)
        room_mentions = [*map(_Position.room_mentions, positions, unread)]
        await self._count_unknown(_ROOM_MENTIONS, rows, room_mentions)
        threads = await self._count(
            _UNREAD_THREADS, rows, [n for n, row in enumerate(rows) if row[_FOLLOWS_THREADS]]
        )
        newest = await self._newest_messages(rows, positions)
        max_count = self._max_unread + 1
        return [
            RoomListRow._make(
                (
                    *row[: _LAST_MESSAGE.start],
                    *_visible(newest.get(n, row[_LAST_MESSAGE]), row[_VISIBLE_AFTER]),
                    *row[-2:],
                    min(unread[n] or 0, max_count),
                    min((mentions[n] or 0) + (room_mentions[n] or 0), max_count),
                    threads.get(n, 0),
                )
            )
            for n, row in enumerate(rows)
        ]

    async def _newest_messages(
        self, rows: Rows, positions: Sequence["_Position"]
    ) -> dict[int, Sequence[Any]]:
        """By the number of the row, where the head does not name it."""
        branches = [
            {"n": n, "room": rows[n][1]}
            for n, position in enumerate(positions)
            if position.last_message_seq is None and position.seq
        ]
        return {
            n: message for n, *message in await read_union(self._reader, _NEWEST_MESSAGE, branches)
        }

    async def _count_unknown(
        self, statement: Statement, rows: Rows, counts: list[int | None]
    ) -> None:
        """Fill in the counts that are None."""
        unknown = [n for n, count in enumerate(counts) if count is None]
        for n, count in (await self._count(statement, rows, unknown)).items():
            counts[n] = count

    async def _count(
        self, statement: Statement, rows: Rows, numbers: Iterable[int]
    ) -> dict[int, int]:
        """For the rows with these numbers."""
        max_rows, at = self._max_unread + 1, now()
        branches = [
            {
                "n": n,
                "at": at,
                "user": rows[n][0],
                "user_hex": rows[n][0].hex,
                "room": rows[n][1],
                "after": rows[n][-1],
                "until": rows[n][-2],
                "visible_after": rows[n][_VISIBLE_AFTER],
                "max_rows": max_rows,
            }
            for n in numbers
        ]
        counts = await read_union(self._reader, statement, branches)
        return {number: count for number, count in counts}  # noqa: C416 - rows are no pairs
