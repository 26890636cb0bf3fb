"""The index on SQLite: FTS5 without a content of its own.

It finds all terms of a query itself, and has a term more for the room of a message: documents of
other rooms are not even read. It keeps no positions (`detail='none'`): phrases are looked up in the
documents.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Integer, bindparam, column, table, text

from app.persistence.search.index import Candidates, SearchIndex, Source
from app.persistence.search_tables import SEARCH_INDEX
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Bound, Statement

# More rooms would make a query longer than they spare it.
MAX_ROOMS = 50
MIN_PREFIX_CHARS = 4  # the kind of term and two letters: what begins with one letter is much
_TERMS = "d.terms || 'ro' || lower(hex(substr(d.room_id, 13)))"
_BY_KEYS = """
FROM json_each(:keys) AS k JOIN search_documents AS d
ON d.room_id = unhex(json_extract(k.value, '$[0]')) AND d.seq = json_extract(k.value, '$[1]')
"""
_BY_DOCS = "FROM json_each(:docs) AS k JOIN search_documents AS d ON d.doc = k.value"
_ADD, _ADD_NEW = (
    Statement(text(f"INSERT INTO search_index (rowid, terms) SELECT d.doc, {_TERMS} {documents}"))
    for documents in (_BY_KEYS, _BY_DOCS)
)
_REMOVE = Statement(
    text(
        "INSERT INTO search_index (search_index, rowid, terms) "
        f"SELECT 'delete', d.doc, {_TERMS} {_BY_KEYS}"
    )
)
_CLEAR = Statement(text("INSERT INTO search_index (search_index) VALUES ('delete-all')"))
_DELETE_DOCUMENTS = Statement(text("DELETE FROM search_documents"))
_index = table(SEARCH_INDEX, column("rowid", Integer), column(SEARCH_INDEX))
_SOURCE = Source(_index, _index.c.rowid, (_index.c[SEARCH_INDEX].op("MATCH")(bindparam("match")),))


class SqliteSearchIndex(SearchIndex):
    """FTS5 takes it for damage if an entry is removed that is not there."""

    replaces_any = False
    add_new_entries, add_entries, remove_entries = _ADD_NEW, _ADD, _REMOVE

    def clear(self) -> list[Bound]:
        return [_CLEAR.bind(), _DELETE_DOCUMENTS.bind()]

    async def find(
        self, reader: Reader, terms: Sequence[str], excluded: Sequence[str], rooms: Sequence[UUID]
    ) -> Candidates:
        match = " AND ".join(f'"{term}"' for term in terms)
        if excluded:
            without = " OR ".join(f'"{term}"' for term in excluded)
            match = f"({match}) NOT ({without})"
        return _find(match, rooms)._replace(is_without=True)

    async def find_prefix(
        self, reader: Reader, start: str, rooms: Sequence[UUID]
    ) -> Candidates | None:
        return None if len(start) < MIN_PREFIX_CHARS else _find(f'"{start}" *', rooms)


def _find(match: str, rooms: Sequence[UUID]) -> Candidates:
    is_of_rooms = len(rooms) <= MAX_ROOMS
    if is_of_rooms:
        match = f"({match}) AND ({' OR '.join(f'ro{room.hex[24:]}' for room in rooms)})"
    return Candidates(_SOURCE, {"match": match}, is_exact=True, is_of_rooms=is_of_rooms)
