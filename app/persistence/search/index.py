"""What each database does in its own way: an index of the terms of documents."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause

from app.persistence.sql.executor import Reader
from app.persistence.sql.json_rows import encode_list, to_json
from app.persistence.sql.statement import Bound, Statement

DocumentKey = tuple[UUID, int]  # room and seq of the message


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """Where a statement gets the numbers of documents from: the column `doc` of `table`, the
    highest first. There is one object for each kind of source."""

    table: FromClause
    doc: ColumnElement[int]
    conditions: tuple[ColumnElement[bool], ...] = ()
    has_documents: bool = False  # `search_documents` is in `table`


class Candidates(NamedTuple):
    """Documents that a search looks at, with the values of the parameters of their source."""

    source: Source
    values: dict[str, Any]
    is_exact: bool = False  # they have everything that the index was asked for
    is_of_rooms: bool = False  # there are none of other rooms
    is_without: bool = False  # there are none with an excluded term


class SearchIndex(ABC):
    """Its entries are made of the rows of `search_documents`, in the transaction of these."""

    # Whether entries can be made anew that are lost or wrong. If not, `clear` can.
    replaces_any: bool
    add_new_entries: Statement  # of documents with these numbers (`docs`)
    add_entries: Statement  # of documents with these `keys`
    remove_entries: Statement

    def add_new(self, docs: Sequence[int]) -> list[Bound]:
        """Add the entries of new documents."""
        return [self.add_new_entries.bind(docs=encode_list(docs))]

    def add(self, keys: Sequence[DocumentKey]) -> list[Bound]:
        """Add the entries of documents, which have none."""
        return [self.add_entries.bind(keys=to_json(keys))]

    def remove(self, keys: Sequence[DocumentKey]) -> list[Bound]:
        """Remove the entries of documents, whose rows are as they were when these were added."""
        return [self.remove_entries.bind(keys=to_json(keys))]

    @abstractmethod
    def clear(self) -> list[Bound]:
        """Remove all entries and documents at once, if they cannot be made anew one by one."""

    @abstractmethod
    async def find(
        self, reader: Reader, terms: Sequence[str], excluded: Sequence[str], rooms: Sequence[UUID]
    ) -> Candidates:
        """Documents that have these terms, or at least the rarest of them. Those of other rooms,
        and with one of the excluded terms, may be left out."""

    @abstractmethod
    async def find_prefix(
        self, reader: Reader, start: str, rooms: Sequence[UUID]
    ) -> Candidates | None:
        """Documents with a term that begins so; None: there are so many that it is better to look
        at all documents."""
