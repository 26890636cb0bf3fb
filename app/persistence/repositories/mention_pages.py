"""The messages that mention a user, newest first, each with the messages beside it."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, select

from app.persistence.repositories.blocks import has_blocked
from app.persistence.repositories.member_filter import ROOM, USER, is_visible
from app.persistence.repositories.mention_keys import MentionKeys
from app.persistence.repositories.mention_order import MentionKey
from app.persistence.repositories.message_columns import MESSAGE_JSON_COLUMNS, to_fields
from app.persistence.repositories.message_pages import MessageFields
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Row, Statement
from app.persistence.sql.unions import BRANCHES_PER_STATEMENT
from app.persistence.tables import MessageRow, columns

_message = columns(MessageRow)
_SEQ = bindparam("seq", type_=BigInteger)


def _one(place: ColumnElement[bool], *order: Any) -> Statement:
    row = (
        select(*MESSAGE_JSON_COLUMNS)
        .where(_message.room_id == ROOM, place, is_visible(_message.seq))
        .order_by(*order)
        .limit(1)
        .subquery()
    )
    return Statement(select(bindparam("n", type_=BigInteger), *row.c))


# No mention by a user that the reader has blocked.
_THIS = _one(and_(_message.seq == _SEQ, ~has_blocked(USER, _message.sender_id)))
_PREVIOUS = _one(_message.seq < _SEQ, _message.room_id.desc(), _message.seq.desc())
_NEXT = _one(_message.seq > _SEQ, _message.room_id, _message.seq)


class MentionInContext(NamedTuple):
    room: UUID
    message: MessageFields
    previous: MessageFields | None
    next: MessageFields | None


class MentionWindow(NamedTuple):
    """`next` is where the list goes on; None: it ends here."""

    items: list[MentionInContext]
    next: MentionKey | None


class MentionPages:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, user_id: UUID, before: MentionKey | None, limit: int) -> MentionWindow:
        """In rooms that the user is a member of now; at most `limit`, and fewer although the list
        goes on where mentions of many mean others."""
        keys, next_key = await MentionKeys(self._reader).page(user_id, before, limit)
        places = [
            {"n": n, "user": user_id, "room": key.room, "seq": key.seq}
            for n, key in enumerate(keys)
        ]
        messages: dict[int, MessageFields] = {}
        previous: dict[int, MessageFields] = {}
        following: dict[int, MessageFields] = {}
        for start in range(0, len(places), BRANCHES_PER_STATEMENT):
            chunk = places[start : start + BRANCHES_PER_STATEMENT]
            this, older, newer = await self._reader.read(
                *(statement.bind_union(chunk) for statement in (_THIS, _PREVIOUS, _NEXT))
            )
            messages |= _by_number(this)
            previous |= _by_number(older)
            following |= _by_number(newer)
        items = [
            MentionInContext(key.room, messages[n], previous.get(n), following.get(n))
            for n, key in enumerate(keys)
            if n in messages  # else it is hidden, or the user was removed meanwhile
        ]
        return MentionWindow(items, next_key)


def _by_number(rows: Sequence[Row]) -> dict[int, MessageFields]:
    return {number: to_fields(message) for number, *message in rows}
