"""The index on MySQL and MariaDB: a table of (term, document), in the order of time.

It finds the documents with the rarest term of a query; what else they have is looked up in the
documents. A part of the room's id stands beside each entry: documents of most other rooms are left
out before they are read ([ADR 32] says why it is no FULLTEXT index).
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)

from app.persistence.search.index import Candidates, SearchIndex, Source
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Bound, Statement

# More rooms would be a list that MariaDB takes for a table, which it may read first.
MAX_TAGS = 900
# Entries of a term are counted up to this number.
MAX_COUNTED = 10_000
# Without the hint MariaDB scans the documents while its statistics take them for a few.
_BY_KEYS = """
FROM JSON_TABLE(:keys, '$[*]' COLUMNS (
    room CHAR(32) CHARACTER SET ascii PATH '$[0]', seq BIGINT PATH '$[1]')) AS k
STRAIGHT_JOIN search_documents AS d FORCE INDEX (uq_search_documents_room_id_seq)
    ON d.room_id = UNHEX(k.room) AND d.seq = k.seq
"""
_BY_DOCS = """
FROM JSON_TABLE(:docs, '$[*]' COLUMNS (doc BIGINT PATH '$')) AS k
STRAIGHT_JOIN search_documents AS d ON d.doc = k.doc
"""
_TERMS = """
STRAIGHT_JOIN JSON_TABLE(
    CONCAT('["', REPLACE(TRIM(d.terms), ' ', '","'), '"]'),
    '$[*]' COLUMNS (term VARCHAR(84) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS t
"""
_ADD, _ADD_NEW = (
    Statement(
        text(
            "INSERT INTO search_index_terms (term, doc, tag) "
            "SELECT DISTINCT t.term, d.doc, CONV(HEX(SUBSTR(d.room_id, 13)), 16, 10) "
            f"{documents} {_TERMS} WHERE t.term <> ''"
        )
    )
    for documents in (_BY_KEYS, _BY_DOCS)
)
_REMOVE = Statement(
    text(
        f"DELETE i {_BY_KEYS} {_TERMS} "
        "STRAIGHT_JOIN search_index_terms AS i ON i.term = t.term AND i.doc = d.doc"
    )
)
_index = table(
    "search_index_terms",
    column("term", String),
    column("doc", BigInteger),
    column("tag", BigInteger),
)
_HAS_TAG = _index.c.tag.in_(bindparam("tags", expanding=True))
_HAS_TERM = _index.c.term == bindparam("term")
_STARTS = (_index.c.term >= bindparam("start"), _index.c.term < bindparam("end"))


def _count(*conditions: ColumnElement[bool]) -> Statement:
    entries = select(literal_column("1")).where(*conditions).limit(MAX_COUNTED).subquery()
    return Statement(select(func.count()).select_from(entries))


_COUNT, _COUNT_STARTS = _count(_HAS_TERM), _count(*_STARTS)


def _prefix_source(*conditions: ColumnElement[bool]) -> Source:
    documents = select(_index.c.doc).where(*_STARTS, *conditions).distinct().subquery()
    return Source(documents, documents.c.doc)


# By whether there is a list of tags.
_TERM = {
    False: Source(_index, _index.c.doc, (_HAS_TERM,)),
    True: Source(_index, _index.c.doc, (_HAS_TERM, _HAS_TAG)),
}
_PREFIX = {False: _prefix_source(), True: _prefix_source(_HAS_TAG)}


class MySqlSearchIndex(SearchIndex):
    replaces_any = True
    add_new_entries, add_entries, remove_entries = _ADD_NEW, _ADD, _REMOVE

    def clear(self) -> list[Bound]:
        return []

    async def find(
        self, reader: Reader, terms: Sequence[str], excluded: Sequence[str], rooms: Sequence[UUID]
    ) -> Candidates:
        rarest = terms[0]
        if len(terms) > 1:
            counts = await reader.read(*(_COUNT.bind(term=term) for term in terms))
            rarest = min((count, term) for ([[count]], term) in zip(counts, terms, strict=True))[1]
        tags = _tags(rooms)
        values = {"term": rarest} | tags
        return Candidates(_TERM[bool(tags)], values, len(terms) == 1, is_of_rooms=bool(tags))

    async def find_prefix(
        self, reader: Reader, start: str, rooms: Sequence[UUID]
    ) -> Candidates | None:
        # Terms are of digits and small letters, which all come before the tilde.
        bounds = {"start": start, "end": f"{start}~"}
        [[[count]]] = await reader.read(_COUNT_STARTS.bind(**bounds))
        if count == MAX_COUNTED:
            return None
        tags = _tags(rooms)
        return Candidates(_PREFIX[bool(tags)], bounds | tags, True, is_of_rooms=bool(tags))


def _tags(rooms: Sequence[UUID]) -> dict[str, list[int]]:
    if len(rooms) > MAX_TAGS:
        return {}
    return {"tags": sorted({int.from_bytes(room.bytes[12:]) for room in rooms})}
