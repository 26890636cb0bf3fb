"""The messages that mention a user by name, newest first, each with the messages beside it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, and_, bindparam, exists, or_, select

from app.persistence.message_tables import Mention
from app.persistence.repositories.member_filter import IS_MEMBER, ROOM, USER
from app.persistence.repositories.message_columns import MESSAGE_JSON_COLUMNS, to_fields
from app.persistence.repositories.message_pages import MessageFields
from app.persistence.sql.executor import Reader
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.statement import Row, Statement
from app.persistence.sql.types import Id, UtcDateTime
from app.persistence.tables import Member, MessageRow, columns

BRANCHES_PER_STATEMENT = 200

_mention, _member, _message = columns(Mention), columns(Member), columns(MessageRow)
_AT, _SEQ = bindparam("at", type_=UtcDateTime()), bindparam("seq", type_=BigInteger)
_BEFORE_ROOM = bindparam("room", type_=Id())
# Not a join: see `member_filter.py`.
_IN_ROOM_OF_USER = exists().where(_member.room_id == _mention.room_id, _member.user_id == USER)
_LISTED = (
    select(_mention.at, _mention.room_id, *MESSAGE_JSON_COLUMNS)
    .select_from(
        _mention.seq.table.join(
            _message.seq.table,
            and_(_message.room_id == _mention.room_id, _message.seq == _mention.seq),
        )
    )
    .where(_mention.user_id == USER, _IN_ROOM_OF_USER)
    .order_by(
        _mention.user_id.desc(), _mention.at.desc(), _mention.room_id.desc(), _mention.seq.desc()
    )
    .limit(bindparam("max_rows"))
)
_FIRST_PAGE = Statement(join_in_order(_LISTED))
_NEXT_PAGE = Statement(
    join_in_order(
        _LISTED.where(
            _mention.at <= _AT,
            or_(
                _mention.at < _AT,
                _mention.room_id < _BEFORE_ROOM,
                and_(_mention.room_id == _BEFORE_ROOM, _mention.seq < _SEQ),
            ),
        )
    )
)


def _neighbour(side: Any, order: Any) -> Statement:
    row = (
        select(*MESSAGE_JSON_COLUMNS)
        .where(_message.room_id == ROOM, side, IS_MEMBER)
        .order_by(_message.room_id if order is _message.seq else _message.room_id.desc(), order)
        .limit(1)
        .subquery()
    )
    return Statement(select(bindparam("n", type_=BigInteger), *row.c))


_PREVIOUS = _neighbour(_message.seq < _SEQ, _message.seq.desc())
_NEXT = _neighbour(_message.seq > _SEQ, _message.seq)


class MentionKey(NamedTuple):
    """The place of a mention in the list."""

    at: datetime
    room: UUID
    seq: int


class MentionInContext(NamedTuple):
    key: MentionKey
    message: MessageFields
    previous: MessageFields | None
    next: MessageFields | None


class MentionPages:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(
        self, user_id: UUID, before: MentionKey | None, limit: int
    ) -> list[MentionInContext]:
        """In rooms that the user is a member of now."""
        key = before._asdict() if before else {}
        statement = _NEXT_PAGE if before else _FIRST_PAGE
        [rows] = await self._reader.read(statement.bind(user=user_id, max_rows=limit, **key))
        mentions = [(at, room, to_fields(message)) for at, room, *message in rows]
        places = [
            {"n": n, "user": user_id, "room": room, "seq": message["seq"]}
            for n, (_, room, message) in enumerate(mentions)
        ]
        previous: dict[int, MessageFields] = {}
        following: dict[int, MessageFields] = {}
        for start in range(0, len(places), BRANCHES_PER_STATEMENT):
            chunk = places[start : start + BRANCHES_PER_STATEMENT]
            older, newer = await self._reader.read(
                _PREVIOUS.bind_union(chunk), _NEXT.bind_union(chunk)
            )
            previous |= _by_number(older)
            following |= _by_number(newer)
        return [
            MentionInContext(
                MentionKey(at, room, message["seq"]), message, previous.get(n), following.get(n)
            )
            for n, (at, room, message) in enumerate(mentions)
        ]


def _by_number(rows: Sequence[Row]) -> dict[int, MessageFields]:
    return {number: to_fields(message) for number, *message in rows}
