"""Reads messages that are to be indexed: what the logs tell about, or all messages of a room."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, and_, bindparam, select

from app.persistence.repositories.consumers import LogRange
from app.persistence.search.writes import IndexedMessage
from app.persistence.search_tables import SearchDocument
from app.persistence.sql.executor import Executor
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id
from app.persistence.sql.unions import read_union
from app.persistence.tables import MessageRow, RoomEventRow, columns
from app.wire.events import (
    MessageCreated,
    MessageEdited,
    MessagePinned,
    MessagesDeleted,
    MessageUnpinned,
    PollUpdated,
    RoomEvent,
    event_type,
)

_CLASSES: tuple[type[RoomEvent], ...] = (
    *(MessageCreated, MessageEdited, MessagePinned, MessageUnpinned, PollUpdated),
    MessagesDeleted,
)
_TYPES = frozenset(map(event_type, _CLASSES))
_event, _message, _document = columns(RoomEventRow), columns(MessageRow), columns(SearchDocument)
_MESSAGE_TABLE = _message.seq.table
# Between constants: with bounds out of a document MariaDB would read all of a log for each of them.
_EVENTS = Statement(
    select(_event.type, _event.room_id, _event.message_seq, _event.body).where(
        _event.room_id == bindparam("room"),
        _event.seq > bindparam("after"),
        _event.seq <= bindparam("until"),
    )
)
_KEYS = json_rows("keys", room=Id(), seq=BigInteger())


def _read(messages: FromClause, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Messages with the terms that they have. Locked, so that a change of a message and of its
    document are both before this, or both after it."""
    has_document = and_(_document.room_id == _message.room_id, _document.seq == _message.seq)
    return join_in_order(
        select(
            _message.room_id,
            _message.seq,
            _message.sender_id,
            _message.at,
            _message.text,
            _message.details,
            _document.terms,
        )
        .select_from(messages.outerjoin(_document.doc.table, has_document))
        .where(*conditions)
        .with_for_update(read=True)
    )


_OF_KEYS = Statement(
    _read(
        _KEYS.join(
            _MESSAGE_TABLE, and_(_message.room_id == _KEYS.c.room, _message.seq == _KEYS.c.seq)
        )
    )
)
_NEXT = Statement(
    _read(_MESSAGE_TABLE, _message.room_id == bindparam("room"), _message.seq > bindparam("after"))
    .order_by(_message.seq)
    .limit(bindparam("max_rows"))
)


class IndexedMessages:
    """Messages, locked until this unit of work ends. Checks no membership."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def changed_in(self, ranges: Sequence[LogRange]) -> list[IndexedMessage]:
        """The messages that events of these ranges are about, as they are now."""
        events = await read_union(self._executor, _EVENTS, [span._asdict() for span in ranges])
        keys: set[tuple[UUID, int]] = set()
        for type_, room, message_seq, body in events:
            if type_ not in _TYPES:
                continue
            if message_seq is not None:
                keys.add((room, message_seq))
            else:
                keys.update((room, seq) for seq in orjson.loads(body)["seqs"])
        if not keys:
            return []
        [rows] = await self._executor.read(_OF_KEYS.bind(keys=to_json(sorted(keys))))
        return list(map(IndexedMessage._make, rows))

    async def list_after(self, room: UUID, seq: int, limit: int) -> list[IndexedMessage]:
        """The oldest ones of a room above `seq`."""
        [rows] = await self._executor.read(_NEXT.bind(room=room, after=seq, max_rows=limit))
        return list(map(IndexedMessage._make, rows))
