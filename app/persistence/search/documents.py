"""The numbers of documents, which are in the order of the times of their messages.

A number is the microsecond of the message and one of 1,024 places in it: messages of one
transaction have the same time.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, and_, bindparam, func, select

from app.core.clock import microseconds
from app.persistence.search_tables import SearchDocument
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.sql.unions import read_union
from app.persistence.tables import columns

_START_US = 946_684_800_000_000  # 2000: the numbers last from 1715 to 2285
_PLACES = 1024
MAX_BETWEEN = 500
MIN_DOC, MAX_DOC = -(2**63), 2**63 - 1

_document = columns(SearchDocument)
_FIRST = bindparam("first", type_=BigInteger)
_IS_BETWEEN = and_(_document.doc >= _FIRST, _document.doc <= bindparam("last", type_=BigInteger))
_HIGHEST = Statement(select(_FIRST, func.max(_document.doc)).where(_IS_BETWEEN))
_BETWEEN = Statement(
    select(_document.doc).where(_IS_BETWEEN).order_by(_document.doc).limit(bindparam("max_rows"))
)


def first_doc(at: datetime) -> int:
    """No document of a message of this time or later has a lower number."""
    return (microseconds(at) - _START_US) * _PLACES


async def assign_docs(reader: Reader, times: Sequence[datetime]) -> list[int]:
    """Free numbers for messages with these times, in this order."""
    docs = [0] * len(times)
    pending = [(first_doc(at), index) for index, at in enumerate(times)]
    free = await _read_between(reader, min(pending)[0], max(pending)[0])
    is_known = free is not None
    free = free or {}
    while pending:
        if not is_known:
            free |= await _read_each(reader, {first for first, _ in pending} - free.keys())
        later = []
        for first, index in pending:
            doc = free.get(first, first)
            if doc < first + _PLACES:
                docs[index], free[first] = doc, doc + 1
            else:  # the microsecond is full: look in the next one
                later.append((first + _PLACES, index))
        pending, is_known = later, False
    return docs


async def _read_between(reader: Reader, first: int, last: int) -> dict[int, int] | None:
    """The next number of each microsecond from the first to the last that has a document: new
    messages have few others between them. None: there are many."""
    bound = _BETWEEN.bind(first=first, last=last + _PLACES - 1, max_rows=MAX_BETWEEN)
    [rows] = await reader.read(bound)
    if len(rows) == MAX_BETWEEN:
        return None
    return {doc - doc % _PLACES: doc + 1 for (doc,) in rows}


async def _read_each(reader: Reader, firsts: Iterable[int]) -> dict[int, int]:
    bounds = [{"first": first, "last": first + _PLACES - 1} for first in firsts]
    rows = await read_union(reader, _HIGHEST, bounds)
    return {first: first if highest is None else highest + 1 for first, highest in rows}
