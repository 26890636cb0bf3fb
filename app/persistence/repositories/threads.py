"""Threads: their roots, and who follows them. Replies are written in batches (`thread_batch.py`),
and read in pages (`thread_pages.py`)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    and_,
    bindparam,
    exists,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.message_tables import Mention, ThreadFollower, ThreadMessage, ThreadRow
from app.persistence.repositories.blocks import has_blocked_sender
from app.persistence.repositories.member_filter import (
    ROOM,
    USER,
    is_visible,
    select_visible_after,
)
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS, from_row
from app.persistence.sql.executor import Reader, SessionExecutor
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.joined_updates import UpdateByRows
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Row, Statement
from app.persistence.sql.types import Id, UtcDateTime
from app.persistence.sql.unions import capped_count, read_union
from app.persistence.tables import MessageRow, columns
from app.wire.events import Message


class ThreadView(NamedTuple):
    """A thread as a member sees it. Counts beyond the maximum are one more than it; they are 0 for
    who does not follow the thread."""

    room: UUID
    root: Message
    is_following: bool | None  # None: the member has never followed it
    read_seq: int
    unread: int
    mentions: int


class ThreadPosition(NamedTuple):
    """In the list of followed threads, which are in the order of their last replies."""

    last_at: datetime
    room: UUID
    root: int


class Reply(NamedTuple):
    seq: int
    sender: UUID
    at: datetime


_message, _mention = columns(MessageRow), columns(Mention)
_thread, _reply, _follower = columns(ThreadRow), columns(ThreadMessage), columns(ThreadFollower)
# Joined as an outer one, although it is there: SQLite would begin with the messages otherwise.
_IS_ROOT = and_(_message.room_id == _thread.room_id, _message.seq == _thread.root_seq)
_GET = Statement(
    select(_message.room_id, _follower.is_following, _follower.read_seq, *MESSAGE_COLUMNS)
    .select_from(
        _message.seq.table.outerjoin(
            _follower.user_id.table,
            and_(
                _follower.room_id == _message.room_id,
                _follower.root_seq == _message.seq,
                _follower.user_id == USER,
            ),
        )
    )
    .where(_message.room_id == ROOM, _message.seq == bindparam("root"), is_visible(_message.seq))
)
_IN_ROOM = Statement(
    join_in_order(
        select(*MESSAGE_COLUMNS)
        .select_from(_thread.last_seq.table.outerjoin(_message.seq.table, _IS_ROOT))
        .where(
            _thread.room_id == ROOM,
            _thread.last_seq > 0,
            _thread.last_seq < bindparam("before"),
            is_visible(_thread.last_seq),
            is_visible(_thread.root_seq),
        )
        .order_by(_thread.last_seq.desc())
        .limit(bindparam("max_rows"))
    )
)
_FOLLOWED = (
    select(_thread.room_id, _follower.is_following, _follower.read_seq, *MESSAGE_COLUMNS)
    .select_from(
        _follower.user_id.table.join(
            _thread.last_seq.table,
            and_(
                _thread.room_id == _follower.room_id,
                _thread.root_seq == _follower.root_seq,
            ),
        ).outerjoin(_message.seq.table, _IS_ROOT)
    )
    .where(
        _follower.user_id == USER,
        _follower.is_following,
        _thread.last_seq > 0,
        _thread.root_seq > select_visible_after(_follower.room_id, USER),
    )
    .order_by(_thread.last_at.desc(), _thread.room_id.desc(), _thread.root_seq.desc())
    .limit(bindparam("max_rows"))
)
_AT = bindparam("at", type_=UtcDateTime())
_AFTER_ROOM = bindparam("after_room", type_=Id())
_AFTER_ROOT = bindparam("after_root", type_=BigInteger)
_FIRST_FOLLOWED = Statement(join_in_order(_FOLLOWED))
_NEXT_FOLLOWED = Statement(
    join_in_order(
        _FOLLOWED.where(
            or_(
                _thread.last_at < _AT,
                and_(_thread.last_at == _AT, _thread.room_id < _AFTER_ROOM),
                and_(
                    _thread.last_at == _AT,
                    _thread.room_id == _AFTER_ROOM,
                    _thread.root_seq < _AFTER_ROOT,
                ),
            )
        )
    )
)
_BRANCH_ROOM, _BRANCH_USER = bindparam("room", type_=Id()), bindparam("user", type_=Id())
_BRANCH_ROOT = bindparam("root", type_=BigInteger)
_AFTER = bindparam("after", type_=BigInteger)
_IN_THREAD = and_(_reply.room_id == _BRANCH_ROOM, _reply.root_seq == _BRANCH_ROOT)
# None after the marker is the follower's own: sending moves it.
_UNREAD = capped_count(_IN_THREAD, _reply.seq > _AFTER, ~_reply.is_deleted)
_MENTIONS = capped_count(
    _mention.user_id == _BRANCH_USER,
    _mention.room_id == _BRANCH_ROOM,
    _mention.seq > _AFTER,
    exists().where(_IN_THREAD, _reply.seq == _mention.seq),
    ~has_blocked_sender(_BRANCH_USER, _mention),
)
_newest = (
    select(_reply.root_seq, _reply.seq, _message.sender_id, _message.at)
    .select_from(
        _reply.seq.table.join(
            _message.seq.table, and_(_message.room_id == _reply.room_id, _message.seq == _reply.seq)
        )
    )
    .where(_IN_THREAD, ~_reply.is_deleted)
    .order_by(_reply.room_id.desc(), _reply.root_seq.desc(), _reply.seq.desc())
    .limit(bindparam("max_rows"))
    .subquery()
    .c
)
_NEWEST_REPLIES = Statement(select(_newest.root_seq, _newest.seq, _newest.sender_id, _newest.at))

_DELETED = json_rows("deleted", room=Id(), root=BigInteger(), seq=BigInteger())
_MARK_DELETED = Statement(
    UpdateByRows(
        _DELETED,
        and_(
            _reply.room_id == _DELETED.c.room,
            _reply.root_seq == _DELETED.c.root,
            _reply.seq == _DELETED.c.seq,
        ),
        {_reply.is_deleted: true()},
    )
)


class ThreadReads:
    def __init__(self, reader: Reader, max_unread: int) -> None:
        self._reader = reader
        self._max_unread = max_unread

    async def get(self, room_id: UUID, root: int, user_id: UUID) -> ThreadView | None:
        """Of any message; None: there is none, or the user may not read it."""
        [rows] = await self._reader.read(_GET.bind(room=room_id, root=root, user=user_id))
        views = await self._to_views(rows, user_id)
        return views[0] if views else None

    async def list_in_room(
        self, room_id: UUID, user_id: UUID, before: int, limit: int
    ) -> list[Message]:
        """The roots of threads with replies, by the last one, which is below `before`, the newest
        first; for a member."""
        bound = _IN_ROOM.bind(room=room_id, user=user_id, before=before, max_rows=limit)
        [rows] = await self._reader.read(bound)
        return list(map(from_row, rows))

    async def list_followed(
        self, user_id: UUID, after: ThreadPosition | None, limit: int
    ) -> list[ThreadView]:
        """Threads with replies that the user follows, in rooms where the user is a member now, by
        their last replies, the newest first."""
        if after is None:
            bound = _FIRST_FOLLOWED.bind(user=user_id, max_rows=limit)
        else:
            at, room, root = after
            bound = _NEXT_FOLLOWED.bind(
                user=user_id, at=at, after_room=room, after_root=root, max_rows=limit
            )
        [rows] = await self._reader.read(bound)
        return await self._to_views(rows, user_id)

    async def _to_views(self, rows: Sequence[Row], user_id: UUID) -> list[ThreadView]:
        """From (room, is_following, read_seq, message …)."""
        roots = [from_row(row[3:]) for row in rows]
        branches = [
            {
                "n": n,
                "room": room,
                "root": roots[n].seq,
                "user": user_id,
                "after": read_seq,
                "max_rows": self._max_unread + 1,
            }
            for n, (room, is_following, read_seq, *_) in enumerate(rows)
            if is_following
        ]
        unread = {n: count for n, count in await read_union(self._reader, _UNREAD, branches)}  # noqa: C416 - rows are no pairs
        with_unread = [branch for branch in branches if unread[branch["n"]]]
        mentions = {n: count for n, count in await read_union(self._reader, _MENTIONS, with_unread)}  # noqa: C416
        return [
            ThreadView(
                room,
                roots[n],
                None if is_following is None else bool(is_following),
                read_seq or 0,
                unread.get(n, 0),
                mentions.get(n, 0),
            )
            for n, (room, is_following, read_seq, *_) in enumerate(rows)
        ]


class Threads(ThreadReads):
    """Writes that are not done in batches."""

    def __init__(self, session: AsyncSession, max_unread: int) -> None:
        self._executor = SessionExecutor(session)
        super().__init__(self._executor, max_unread)
        self._session = session

    async def follow(
        self, room_id: UUID, root: int, user_id: UUID, read_seq: int, *, following: bool
    ) -> None:
        """Note whether a member of the room, which is locked, follows; their marker moves forward
        to `read_seq` at least."""
        follower = await self._session.get(ThreadFollower, (room_id, root, user_id))
        if follower is None:
            follower = ThreadFollower(
                room_id=room_id, root_seq=root, user_id=user_id, read_seq=read_seq
            )
            self._session.add(follower)
        follower.is_following = following
        follower.read_seq = max(follower.read_seq, read_seq)

    async def mark_read(self, room_id: UUID, root: int, user_id: UUID, seq: int) -> bool:
        """Move the marker of a follower forward; False if it was there or further already."""
        changed: Any = await self._session.execute(
            update(ThreadFollower)
            .where(
                ThreadFollower.room_id == room_id,
                ThreadFollower.root_seq == root,
                ThreadFollower.user_id == user_id,
                ThreadFollower.is_following,
                ThreadFollower.read_seq < seq,
            )
            .values(read_seq=seq)
            .execution_options(synchronize_session=False)
        )
        return bool(changed.rowcount)

    async def mark_deleted(self, room_id: UUID, replies: Iterable[tuple[int, int]]) -> None:
        """Replies that were deleted, each with its root before it."""
        document = to_json((room_id, root, seq) for root, seq in replies)
        await self._executor.write(_MARK_DELETED.bind(deleted=document))

    async def newest_replies(
        self, room_id: UUID, roots: Iterable[int], limit: int
    ) -> dict[int, list[Reply]]:
        """Of each thread, those that are not deleted, the newest first."""
        branches = [{"room": room_id, "root": root, "max_rows": limit} for root in roots]
        replies: dict[int, list[Reply]] = defaultdict(list)
        for root, *reply in await read_union(self._reader, _NEWEST_REPLIES, branches):
            replies[root].append(Reply(*reply))
        for thread in replies.values():
            thread.sort(reverse=True)
        return replies

    async def set_last_reply(self, room_id: UUID, root: int, last: Reply | None) -> None:
        """None: there is none any more."""
        values: dict[str, object] = {"last_seq": last.seq if last else 0}
        if last:
            values["last_at"] = last.at
        await self._session.execute(
            update(ThreadRow)
            .where(ThreadRow.room_id == room_id, ThreadRow.root_seq == root)
            .values(values)
            .execution_options(synchronize_session=False)
        )
