"""Which messages mention a user, newest first, in the rooms that the user is a member of now.

Mentions by name are listed by user and time. Of mentions of many there is no row for each user: the
newest one of each room tells which rooms can have some of the page, and only these are read. The
times are those of the messages.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, exists, or_, select

from app.core.clock import EPOCH
from app.persistence.message_tables import Mention, RoomMentionRow
from app.persistence.repositories.member_filter import USER, select_visible_after
from app.persistence.repositories.mention_order import FIRST, Candidates, KeyPage, MentionKey
from app.persistence.repositories.room_mentions import mentions_user
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Row, Statement
from app.persistence.sql.types import Id, UtcDateTime
from app.persistence.sql.unions import read_union
from app.persistence.tables import Member, Room, columns

MIN_CANDIDATES = 60  # more than the mentions of many that one message can have

_mention, _member, _room = columns(Mention), columns(Member), columns(Room)
_many = columns(RoomMentionRow)
_AT, _SINCE = (bindparam(name, type_=UtcDateTime()) for name in ("at", "since"))
_BEFORE_ROOM, _ROOM = bindparam("before_room", type_=Id()), bindparam("room", type_=Id())
_BEFORE_SEQ = bindparam("before_seq", type_=BigInteger)
_BRANCH_USER = bindparam("user", type_=Id())
_MAX_ROWS = bindparam("max_rows", type_=BigInteger)


def _is_before(row: Any) -> ColumnElement[bool]:
    return and_(
        row.at <= _AT,
        or_(
            row.at < _AT,
            row.room_id < _BEFORE_ROOM,
            and_(row.room_id == _BEFORE_ROOM, row.seq < _BEFORE_SEQ),
        ),
    )


_IS_VISIBLE = _mention.seq > select_visible_after(_mention.room_id, USER)
_BY_NAME = Statement(
    select(_mention.at, _mention.room_id, _mention.seq)
    .where(_mention.user_id == USER, _IS_VISIBLE, _is_before(_mention))
    .order_by(
        _mention.user_id.desc(), _mention.at.desc(), _mention.room_id.desc(), _mention.seq.desc()
    )
    .limit(_MAX_ROWS)
)
_MENTIONED_ROOMS = Statement(
    select(_member.room_id)
    .select_from(_member.room_id.table.join(_room.id.table, _room.id == _member.room_id))
    .where(_member.user_id == USER, _room.room_mention_seq.is_not(None))
)
_NEWEST_FIRST = (_many.room_id.desc(), _many.at.desc(), _many.seq.desc())
_newest = (
    select(_many.at, _many.room_id, _many.seq)
    .where(_many.room_id == _ROOM, _is_before(_many))
    .order_by(*_NEWEST_FIRST)
    .limit(1)
    .subquery()
    .c
)
_NEWEST = Statement(select(_newest.at, _newest.room_id, _newest.seq))
_row = (
    select(
        *(_many.at, _many.room_id, _many.seq),
        *(_many.sender_id, _many.kind, _many.group_id, _many.users),
    )
    .where(_many.room_id == _ROOM, _many.at >= _SINCE, _is_before(_many))
    .order_by(*_NEWEST_FIRST)
    .limit(_MAX_ROWS)
    .subquery("candidate")
    .c
)
_IS_BY_NAME = exists().where(
    _mention.user_id == _BRANCH_USER, _mention.room_id == _ROOM, _mention.seq == _row.seq
)
_CANDIDATES = Statement(
    select(
        *(_row.at, _row.room_id, _row.seq),
        and_(_row.sender_id != _BRANCH_USER, mentions_user(_row, _BRANCH_USER), ~_IS_BY_NAME),
    )
)


class MentionKeys:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, user: UUID, before: MentionKey | None, limit: int) -> KeyPage:
        """At most `limit` keys. Fewer do not mean that the list ends: mentions of many may mean
        others."""
        values = _bind(before or FIRST)
        max_rows = max(limit + 1, MIN_CANDIDATES)
        rows, rooms = await self._reader.read(
            _BY_NAME.bind(user=user, max_rows=max_rows, **values), _MENTIONED_ROOMS.bind(user=user)
        )
        by_name = [MentionKey(*row) for row in rows]
        candidates = Candidates(max_rows)
        candidates.add(by_name, by_name)
        if rooms:
            branches = [{"room": room} | values for (room,) in rooms]
            await self._add_many(user, candidates, branches)
        return candidates.page(limit)

    async def _add_many(
        self, user: UUID, candidates: Candidates, branches: list[dict[str, Any]]
    ) -> None:
        rows = await read_union(self._reader, _NEWEST, branches)
        heads = sorted((MentionKey(*row) for row in rows), reverse=True)
        if len(heads) > candidates.max_rows:
            heads = heads[: candidates.max_rows]
            candidates.end_at(heads[-1])
        chosen = {head.room for head in heads}
        more = {
            "user": user,
            "user_hex": user.hex,
            "since": candidates.last.at if candidates.last else EPOCH,
            "max_rows": candidates.max_rows,
        }
        rows_by_room: dict[UUID, list[Row]] = {room: [] for room in chosen}
        for row in await read_union(
            self._reader,
            _CANDIDATES,
            [branch | more for branch in branches if branch["room"] in chosen],
        ):
            rows_by_room[row[1]].append(row)
        for rows in rows_by_room.values():
            keys = sorted((MentionKey(*row[:3]) for row in rows), reverse=True)
            candidates.add(keys, [MentionKey(*row[:3]) for row in rows if row[3]])


def _bind(before: MentionKey) -> dict[str, object]:
    return {"at": before.at, "before_room": before.room, "before_seq": before.seq}
