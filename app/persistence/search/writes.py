"""Changes of what messages are found by, in the transaction that changes the messages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, and_, bindparam, insert, select

from app.core.search_terms import make_document
from app.persistence.repositories.message_columns import encode_details
from app.persistence.search.documents import assign_docs
from app.persistence.search.index import DocumentKey, SearchIndex
from app.persistence.search.mysql_index import MySqlSearchIndex
from app.persistence.search.sqlite_index import SqliteSearchIndex
from app.persistence.search_tables import SearchDocument
from app.persistence.sql.executor import Executor, Reader
from app.persistence.sql.joined_updates import DeleteByRows, UpdateByRows
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Bound, Statement
from app.persistence.sql.types import Id, LongJson
from app.persistence.tables import columns
from app.wire.events import Message

_document = columns(SearchDocument)
_KEYS = json_rows("keys", room=Id(), seq=BigInteger())
_NEW = json_rows("documents", doc=BigInteger(), room=Id(), seq=BigInteger(), terms=LongJson)
_INSERT = Statement(
    insert(_document.doc.table).from_select(
        [_document.doc, _document.room_id, _document.seq, _document.terms],
        select(_NEW.c.doc, _NEW.c.room, _NEW.c.seq, _NEW.c.terms),
    )
)
_TERMS = json_rows("terms", room=Id(), seq=BigInteger(), terms=LongJson)
_UPDATE = Statement(
    UpdateByRows(
        _TERMS,
        and_(_document.room_id == _TERMS.c.room, _document.seq == _TERMS.c.seq),
        {_document.terms: _TERMS.c.terms},
    )
)
_DELETE = Statement(
    DeleteByRows(_KEYS, ((_document.room_id, _KEYS.c.room), (_document.seq, _KEYS.c.seq)))
)
_OF_ROOM = Statement(
    select(_document.seq)
    .where(_document.room_id == bindparam("room"))
    .order_by(_document.seq)
    .limit(bindparam("max_rows"))
)
_SQLITE, _MYSQL = SqliteSearchIndex(), MySqlSearchIndex()


class IndexedMessage(NamedTuple):
    """A message as it is stored."""

    room: UUID
    seq: int
    sender: UUID
    at: datetime
    text: str
    details: str | None
    terms: str | None = None  # that it is found by until now; None: it is not


def stored_message(room: UUID, message: Message) -> IndexedMessage:
    details = encode_details(message)
    return IndexedMessage(room, message.seq, message.sender, message.at, message.text, details)


def search_index(reader: Reader) -> SearchIndex:
    return _SQLITE if reader.is_sqlite else _MYSQL


def replace_documents(index: SearchIndex, documents: Mapping[DocumentKey, str]) -> list[Bound]:
    """The terms that messages have from now on; none: the message is deleted. Messages that are
    not indexed yet stay so: the reader of the log will find them as they are then."""
    deleted = [key for key, terms in documents.items() if not terms]
    changed = {key: terms for key, terms in documents.items() if terms}
    writes = []
    if deleted:
        writes += [*index.remove(deleted), _DELETE.bind(keys=to_json(deleted))]
    if changed:
        keys = list(changed)
        rows = to_json((room, seq, terms) for (room, seq), terms in changed.items())
        writes += [*index.remove(keys), _UPDATE.bind(terms=rows), *index.add(keys)]
    return writes


class SearchWrites:
    """Indexes messages. Their rows are locked, or this transaction has inserted them."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def clear(self) -> None:
        """Nothing is found any more, if the index cannot be made anew otherwise."""
        await self._executor.write(*search_index(self._executor).clear())

    async def list_keys(self, room: UUID, limit: int) -> list[DocumentKey]:
        """Messages of a room that have a document."""
        [rows] = await self._executor.read(_OF_ROOM.bind(room=room, max_rows=limit))
        return [(room, seq) for (seq,) in rows]

    async def remove(self, keys: Sequence[DocumentKey]) -> None:
        """Delete the documents of messages."""
        index = search_index(self._executor)
        await self._executor.write(*replace_documents(index, dict.fromkeys(keys, "")))

    async def index(self, messages: Sequence[IndexedMessage], *, replace: bool = False) -> None:
        """Make the index agree with these messages. `replace`: also the entries of documents that
        agree already are made anew, if the index can do that."""
        index = search_index(self._executor)
        replace = replace and index.replaces_any
        changed: dict[DocumentKey, str] = {}
        new: list[tuple[IndexedMessage, str]] = []
        for message in messages:
            terms = make_document(message.sender, message.text, message.details)
            if message.terms is None:
                if terms:
                    new.append((message, terms))
            elif replace or terms != message.terms:
                changed[message.room, message.seq] = terms
        writes = replace_documents(index, changed)
        if new:
            docs = await assign_docs(self._executor, [message.at for message, _ in new])
            rows = (
                (doc, message.room, message.seq, terms)
                for doc, (message, terms) in zip(docs, new, strict=True)
            )
            writes += [_INSERT.bind(documents=to_json(rows)), *index.add_new(docs)]
        await self._executor.write(*writes)
