"""Pages of the messages that a search finds."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from app.persistence.repositories.member_filter import USER
from app.persistence.repositories.message_columns import to_fields
from app.persistence.search.criteria import Criteria, Pattern
from app.persistence.search.documents import MAX_DOC, MIN_DOC, first_doc
from app.persistence.search.index import Candidates
from app.persistence.search.statements import (
    EVERYTHING,
    ONE_ROOM,
    SAVED,
    Shape,
    by_relevance,
    by_time,
    floor,
)
from app.persistence.search.writes import search_index
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.tables import Member, columns

# Documents that the first statement of a page looks at: of those that the index finds, or of all.
# Each further statement looks at twice as many. Where that is not enough, the page has fewer
# messages, and the next one goes on there.
FIRST_FOUND, FIRST_SCANNED = 4_000, 2_000
MAX_WINDOWS = 6
MAX_RANKED_OF = 100_000  # documents

_member = columns(Member)
_MEMBER_ROOMS = Statement(select(_member.room_id).where(_member.user_id == USER))


class Hit(NamedTuple):
    doc: int
    room: bytes
    message: dict[str, Any]  # its fields, for `encode_json`
    score: int = 0


class HitPage(NamedTuple):
    """`next` is the `below` of the next page; None: this is the last one."""

    hits: list[Hit]
    next: int | None


class RankedPosition(NamedTuple):
    """A hit in the order of relevance."""

    score: int
    doc: int


class Window(NamedTuple):
    """The documents `floor` < doc < `ceiling`. `goes_on`: there are more below."""

    floor: int
    ceiling: int
    goes_on: bool


class SearchPages:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._index = search_index(reader)

    async def by_time(
        self, user_id: UUID, criteria: Criteria, below: int | None, limit: int
    ) -> HitPage:
        """The newest messages that the user may read and that meet the criteria."""
        search = await self._open(user_id, criteria)
        if search is None:
            return HitPage([], None)
        ceiling = min(search.ceiling, MAX_DOC if below is None else below)
        if page := await self._scan_first(search, ceiling, limit):
            return page
        candidates = await self._choose(search)
        hits: list[Hit] = []
        for number in range(MAX_WINDOWS):
            max_documents = _first_documents(candidates) << number
            window = await self._window(search, candidates, ceiling, max_documents)
            page = await self._read(search, candidates, window, limit - len(hits))
            hits += page.hits
            if page.next is None or len(hits) == limit:
                return HitPage(hits, page.next)
            ceiling = page.next
        return HitPage(hits, ceiling)

    async def by_relevance(
        self, user_id: UUID, criteria: Criteria, after: RankedPosition | None, limit: int
    ) -> list[Hit]:
        """Of the newest matches those that match best, then the newest."""
        search = await self._open(user_id, criteria)
        if search is None:
            return []
        candidates = await self._choose(search)
        window = await self._window(search, candidates, search.ceiling, MAX_RANKED_OF)
        statement = by_relevance(
            candidates.source, search.shape(candidates), is_first=after is None
        )
        values = search.values(candidates, window, limit) | (after._asdict() if after else {})
        [rows] = await self._reader.read(statement.bind(**values))
        return [
            Hit(doc, room, to_fields(message), int(score)) for doc, room, *message, score in rows
        ]

    async def _open(self, user_id: UUID, criteria: Criteria) -> "_Search | None":
        """None: there is no room to search in. Which rooms these are is only to find messages
        quickly; the statement that reads messages decides again."""
        [rows] = await self._reader.read(_MEMBER_ROOMS.bind(user=user_id))
        rooms = {room for (room,) in rows} - criteria.excluded_rooms
        if criteria.rooms is not None:
            rooms &= criteria.rooms
        return _Search(user_id, criteria, sorted(rooms)) if rooms else None

    async def _choose(self, search: "_Search") -> Candidates:
        criteria = search.criteria
        if criteria.saved:
            return Candidates(SAVED, {})
        terms = list(dict.fromkeys(t for p in criteria.required for t in p.whole_terms))
        if terms:
            excluded = [p.terms[0] for p in criteria.excluded if p.is_whole_term]
            return await self._index.find(self._reader, terms, excluded, search.rooms)
        starts = [pattern.terms[-1] for pattern in criteria.required]
        if starts:
            longest = max(starts, key=len)
            candidates = await self._index.find_prefix(self._reader, longest, search.rooms)
            if candidates is not None:
                return candidates
        return search.scan()

    async def _scan_first(self, search: "_Search", ceiling: int, limit: int) -> HitPage | None:
        """None: it needs the index."""
        criteria = search.criteria
        if criteria.saved or not criteria.required or any(p.whole_terms for p in criteria.required):
            return None
        candidates = search.scan()
        window = await self._window(search, candidates, ceiling, FIRST_SCANNED)
        page = await self._read(search, candidates, window, limit)
        return page if len(page.hits) == limit or not window.goes_on else None

    async def _window(
        self, search: "_Search", candidates: Candidates, ceiling: int, max_documents: int
    ) -> Window:
        if search.takes_all(candidates):  # there are no others among them to be left out
            return Window(search.floor, ceiling, goes_on=False)
        bound = floor(candidates.source).bind(
            user=search.user_id,
            ceiling=ceiling,
            max_documents=max_documents,
            **candidates.values,
        )
        [rows] = await self._reader.read(bound)
        lowest = rows[0][0] if rows else MIN_DOC
        return Window(max(search.floor, lowest), ceiling, lowest > search.floor)

    async def _read(
        self, search: "_Search", candidates: Candidates, window: Window, limit: int
    ) -> HitPage:
        statement = by_time(candidates.source, search.shape(candidates))
        [rows] = await self._reader.read(
            statement.bind(**search.values(candidates, window, limit + 1))
        )
        hits = [Hit(doc, room, to_fields(message)) for doc, room, *message in rows[:limit]]
        if len(rows) > limit:
            return HitPage(hits, hits[-1].doc)
        return HitPage(hits, window.floor + 1 if window.goes_on else None)


class _Search:
    """Criteria, and the rooms of the user that they leave."""

    def __init__(self, user_id: UUID, criteria: Criteria, rooms: Sequence[UUID]) -> None:
        self.user_id, self.criteria, self.rooms = user_id, criteria, rooms
        self.floor = first_doc(criteria.since) - 1 if criteria.since else MIN_DOC
        self.ceiling = first_doc(criteria.until) if criteria.until else MAX_DOC

    def scan(self) -> Candidates:
        if len(self.rooms) == 1:
            return Candidates(ONE_ROOM, {"room": self.rooms[0]}, is_of_rooms=True)
        return Candidates(EVERYTHING, {})

    def takes_all(self, candidates: Candidates) -> bool:
        """The documents of these rooms that are candidates meet all criteria but times."""
        criteria = self.criteria
        is_narrower = self._excluded(candidates) or self._patterns(candidates)
        return candidates.is_of_rooms and criteria.saved is None and not is_narrower

    def shape(self, candidates: Candidates) -> Shape:
        criteria = self.criteria
        return Shape(
            required=len(self._patterns(candidates)),
            scored=len(criteria.required),
            excluded=len(self._excluded(candidates)),
            rooms=criteria.rooms is not None,
            excluded_rooms=bool(criteria.excluded_rooms),
            saved=criteria.saved,
        )

    def values(self, candidates: Candidates, window: Window, limit: int) -> dict[str, Any]:
        criteria = self.criteria
        values: dict[str, Any] = {
            "user": self.user_id,
            "floor": window.floor,
            "ceiling": window.ceiling,
            "max_rows": limit,
            "rooms": self.rooms,
            "excluded_rooms": sorted(criteria.excluded_rooms),
        }
        values |= _numbered("required", map(_in_document, self._patterns(candidates)))
        values |= _numbered("excluded", map(_in_document, self._excluded(candidates)))
        values |= _numbered("scored", map(_in_document, criteria.required))
        values |= _numbered("scored_chars", (len(_in_document(p)) for p in criteria.required))
        return values | candidates.values

    def _patterns(self, candidates: Candidates) -> list[Pattern]:
        """Those that the candidates need not have."""
        return [
            pattern
            for pattern in self.criteria.required
            if not (candidates.is_exact and pattern.is_whole_term)
        ]

    def _excluded(self, candidates: Candidates) -> list[Pattern]:
        """Those that the candidates may have."""
        return [
            pattern
            for pattern in self.criteria.excluded
            if not (candidates.is_without and pattern.is_whole_term)
        ]


def _first_documents(candidates: Candidates) -> int:
    return FIRST_SCANNED if candidates.source in (EVERYTHING, ONE_ROOM) else FIRST_FOUND


def _in_document(pattern: Pattern) -> str:
    return pattern.in_document


def _numbered(name: str, values: Iterable[object]) -> dict[str, object]:
    return {f"{name}_{number}": value for number, value in enumerate(values)}
