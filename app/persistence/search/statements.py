"""The statements of searches: one for each shape that searches have, compiled once.

Each finds, checks and reads in one statement: what it returns, the user may read at that moment.
"""

from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)

from app.persistence.item_tables import SavedMessage
from app.persistence.repositories.blocks import has_blocked
from app.persistence.repositories.member_filter import USER, is_readable
from app.persistence.repositories.message_columns import MESSAGE_JSON_COLUMNS
from app.persistence.repositories.messages import IS_DELETED
from app.persistence.search.index import Source
from app.persistence.search_tables import SearchDocument
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import json_column
from app.persistence.tables import MessageRow, columns

MAX_RANKED = 10_000  # matches, the newest ones
_FULL_SCORE, _LONG_DOCUMENT = 1000, 300  # of one pattern; in characters of terms
# Of the terms of a document: a message of 4,000 emoji has 50,000 characters of them.
_MAX_SCORED_CHARS = 2_000

_document, _message, _saved = columns(SearchDocument), columns(MessageRow), columns(SavedMessage)
_DOCUMENTS = _document.doc.table
_FLOOR = bindparam("floor", type_=BigInteger)
_CEILING = bindparam("ceiling", type_=BigInteger)
_IS_SAVED = (
    select(_saved.seq)
    .where(
        _saved.user_id == USER,
        _saved.room_id == _document.room_id,
        _saved.seq == _document.seq,
    )
    .limit(1)
    .scalar_subquery()
    .is_not(None)
)

# All documents; those of one room; those of messages that the user has saved.
EVERYTHING = Source(_DOCUMENTS, _document.doc, (), has_documents=True)
ONE_ROOM = Source(
    _DOCUMENTS, _document.doc, (_document.room_id == bindparam("room"),), has_documents=True
)
SAVED = Source(
    _saved.seq.table.join(
        _DOCUMENTS, and_(_document.room_id == _saved.room_id, _document.seq == _saved.seq)
    ),
    _document.doc,
    (_saved.user_id == USER,),
    has_documents=True,
)


class Shape(NamedTuple):
    """What distinguishes statements: how many patterns there are, and which lists of rooms."""

    required: int
    scored: int
    excluded: int
    rooms: bool
    excluded_rooms: bool
    saved: bool | None


@lru_cache(maxsize=1_000)
def by_time(source: Source, shape: Shape) -> Statement:
    """Rows of a document, its room, and the fields of its message, the newest first."""
    return Statement(
        join_in_order(
            select(source.doc, json_column(_document.room_id), *MESSAGE_JSON_COLUMNS)
            .select_from(_joined(source))
            .where(*_conditions(source, shape))
            .order_by(source.doc.desc())
            .limit(bindparam("max_rows"))
        )
    )


@lru_cache(maxsize=1_000)
def by_relevance(source: Source, shape: Shape, *, is_first: bool) -> Statement:
    """Rows as of `by_time` with the score at the end, the highest first."""
    newest = join_in_order(
        select(source.doc.label("doc"), _document.room_id, _document.seq, _score(shape.scored))
        .select_from(_joined(source))
        .where(*_conditions(source, shape))
        .order_by(source.doc.desc())
        .limit(MAX_RANKED)
    )
    matches = newest.subquery("matches")
    match = matches.c
    score, doc = bindparam("score", type_=BigInteger), bindparam("doc", type_=BigInteger)
    after = or_(match.score < score, and_(match.score == score, match.doc < doc))
    has_message = and_(_message.room_id == match.room_id, _message.seq == match.seq)
    query = (
        select(match.doc, json_column(_message.room_id), *MESSAGE_JSON_COLUMNS, match.score)
        .select_from(matches.join(_message.seq.table, has_message))
        .order_by(match.score.desc(), match.doc.desc())
        .limit(bindparam("max_rows"))
    )
    return Statement(join_in_order(query if is_first else query.where(after)))


@lru_cache(maxsize=100)
def floor(source: Source) -> Statement:
    """The document that comes after so many, of those below the ceiling."""
    return Statement(
        select(source.doc)
        .select_from(source.table)
        .where(*source.conditions, source.doc < _CEILING)
        .order_by(source.doc.desc())
        .limit(1)
        .offset(bindparam("max_documents"))
    )


def _joined(source: Source) -> FromClause:
    joined = source.table
    if not source.has_documents:  # no inner join: SQLite would begin with the messages
        joined = joined.outerjoin(_DOCUMENTS, _document.doc == source.doc)
    return joined.outerjoin(
        _message.seq.table,
        and_(_message.room_id == _document.room_id, _message.seq == _document.seq),
    )


def _conditions(source: Source, shape: Shape) -> list[ColumnElement[bool]]:
    conditions = [*source.conditions, source.doc > _FLOOR, source.doc < _CEILING]
    if shape.rooms:
        conditions.append(_document.room_id.in_(bindparam("rooms", expanding=True)))
    if shape.excluded_rooms:
        conditions.append(_document.room_id.not_in(bindparam("excluded_rooms", expanding=True)))
    conditions += [_place(f"required_{n}") > 0 for n in range(shape.required)]
    conditions += [_place(f"excluded_{n}") == 0 for n in range(shape.excluded)]
    if shape.saved is not None and source is not SAVED:
        conditions.append(_IS_SAVED if shape.saved else ~_IS_SAVED)
    return [
        *conditions,
        is_readable(_message),
        ~IS_DELETED,
        ~has_blocked(USER, _message.sender_id),
    ]


def _place(pattern: str) -> ColumnElement[int]:
    """Where a document has a pattern; 0: nowhere."""
    return func.instr(_document.terms, bindparam(pattern), type_=BigInteger)


def _score(patterns: int) -> ColumnElement[int]:
    """How often the patterns stand in the beginning: twice is better than once, and in a short text
    better than in a long one."""
    beginning = func.substr(_document.terms, 1, _MAX_SCORED_CHARS)
    length = func.length(beginning, type_=BigInteger)
    score: ColumnElement[int] = literal_column("0", BigInteger)
    for n in range(patterns):
        pattern: BindParameter[str] = bindparam(f"scored_{n}")
        without = func.length(func.replace(beginning, pattern, ""), type_=BigInteger)
        times = (length - without) // bindparam(f"scored_chars_{n}", type_=BigInteger)
        score = score + _FULL_SCORE * times // (times + 1)
    return (score * _LONG_DOCUMENT // (_LONG_DOCUMENT + length)).label("score")
