"""Searches for messages."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from app.core.ids import parse_id
from app.core.paging import decode_cursor, encode_cursor, wrong_cursor
from app.core.search_terms import mention_term, sender_term
from app.persistence.direct_reads import DirectReads
from app.persistence.search.criteria import Criteria, Pattern
from app.persistence.search.documents import MAX_DOC
from app.persistence.search.pages import Hit, RankedPosition
from app.search.highlights import Highlighter
from app.search.query import ME, Query
from app.wire.domain import SearchOrder
from app.wire.user_and_room_names import normalized_name

MAX_DIGITS = 20


class MessagesFound(NamedTuple):
    """A page of hits; `cursor` begins the next one."""

    hits: Sequence[Hit]
    cursor: str | None


NOTHING = MessagesFound((), None)


async def find_messages(
    reads: DirectReads,
    user_id: UUID,
    query: Query,
    order: SearchOrder,
    cursor: str | None,
    limit: int,
) -> MessagesFound:
    """What the user may read now. Raises Invalid."""
    position = _decode(cursor, order)
    criteria = await _resolve(reads, user_id, query)
    if criteria is None:
        return NOTHING
    if order is SearchOrder.TIME:
        below = position[0] if position else None
        page = await reads.search.by_time(user_id, criteria, below, limit)
        return MessagesFound(page.hits, _encode(page.next) if page.next is not None else None)
    after = RankedPosition(*position) if position else None
    hits = await reads.search.by_relevance(user_id, criteria, after, limit + 1)
    more = len(hits) > limit
    hits = hits[:limit]
    return MessagesFound(hits, _encode(hits[-1].score, hits[-1].doc) if more else None)


async def hit_items(hits: Iterable[Hit], query: Query) -> list[dict[str, Any]]:
    """The fields of `SearchHit`, for `encode_json`. Other requests are served meanwhile."""
    items = []
    highlighter = Highlighter(query.required)
    for hit in hits:
        ranges = [part._asdict() for part in highlighter.highlight(hit.message["text"])]
        items.append({"room": hit.room, "message": hit.message, "highlights": ranges})
        await asyncio.sleep(0)
    return items


async def _resolve(reads: DirectReads, user_id: UUID, query: Query) -> Criteria | None:
    """None: the query names a user or a room that there is not, and nothing is found. That is not
    told from a user whom the directory hides."""
    criteria = Criteria(
        required=tuple(query.required),
        excluded=tuple(query.excluded),
        since=query.since,
        until=query.until,
        saved=query.saved,
    )
    senders = await _find_senders(reads, user_id, [*query.senders, *query.excluded_senders])
    rooms = await _find_rooms(reads, user_id, [*query.rooms, *query.excluded_rooms])
    required = [senders[name] for name in query.senders if name in senders]
    excluded = [senders[name] for name in query.excluded_senders if name in senders]
    if len(required) < len(query.senders):
        return None
    terms = [sender_term(user) for user in required]
    if query.mentions_me:
        terms.append(mention_term(user_id))
    excluded_terms = [sender_term(user) for user in excluded]
    if query.mentions_me is False:
        excluded_terms.append(mention_term(user_id))
    only: frozenset[UUID] | None = None
    for name in query.rooms:
        only = frozenset(rooms[name]) if only is None else only & rooms[name]
    return replace(
        criteria,
        required=(*criteria.required, *(Pattern((term,)) for term in terms)),
        excluded=(*criteria.excluded, *(Pattern((term,)) for term in excluded_terms)),
        rooms=only,
        excluded_rooms=frozenset().union(*(rooms[name] for name in query.excluded_rooms)),
    )


async def _find_senders(reads: DirectReads, user_id: UUID, names: Sequence[str]) -> dict[str, UUID]:
    """By the name as it was typed."""
    keys = {name: normalized_name(name) for name in names}
    wanted = set(keys.values()) - {ME}
    users = await reads.search_names.users(wanted) if wanted else {}
    users[ME] = user_id
    return {name: users[key] for name, key in keys.items() if key in users}


async def _find_rooms(
    reads: DirectReads, user_id: UUID, names: Sequence[str]
) -> dict[str, set[UUID]]:
    """By the name as it was typed, which may be an id."""
    ids = {name: parse_id(name) for name in names}
    keys = {name: normalized_name(name) for name in names}
    rooms = await reads.search_names.rooms(user_id, set(keys.values())) if keys else {}
    return {name: {room} if (room := ids[name]) else rooms.get(keys[name], set()) for name in names}


def _encode(*numbers: int) -> str:
    return encode_cursor(" ".join(map(str, numbers)))


def _decode(cursor: str | None, order: SearchOrder) -> list[int] | None:
    """Raises Invalid."""
    text = decode_cursor(cursor)
    if text is None:
        return None
    parts = text.split(" ")
    count = 1 if order is SearchOrder.TIME else 2
    if len(parts) != count or any(
        len(part) > MAX_DIGITS or not part.removeprefix("-").isdecimal() for part in parts
    ):
        raise wrong_cursor()
    numbers = list(map(int, parts))
    if any(abs(number) > MAX_DOC for number in numbers):
        raise wrong_cursor()
    return numbers
