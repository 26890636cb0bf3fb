"""The pages and messages of rooms that `http/direct_reads.py` takes."""

import re
from uuid import UUID

from app.core.json_encoding import encode_json
from app.http.direct_reads import DirectRoute, Parameters
from app.messages.pages import (
    PagePosition,
    encode_events,
    encode_messages,
    get,
    get_page,
    get_thread_page,
    list_events,
)
from app.persistence.direct_reads import DirectReads
from app.wire.seq import MAX_SEQ

_ROOM = "/api/v1/rooms/(?P<room_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_SEQ = "(?P<seq>0|[1-9][0-9]{0,15})"


async def _read_page(reads: DirectReads, user_id: UUID, parameters: Parameters) -> bytes:
    position = PagePosition(*map(parameters.get, PagePosition._fields))
    return encode_messages(
        await get_page(reads, user_id, parameters["room_id"], position, parameters["limit"])
    )


async def _read_thread_page(reads: DirectReads, user_id: UUID, parameters: Parameters) -> bytes:
    position = PagePosition(*map(parameters.get, PagePosition._fields))
    root, limit = parameters["seq"], parameters["limit"]
    return encode_messages(
        await get_thread_page(reads, user_id, parameters["room_id"], root, position, limit)
    )


async def _read_message(reads: DirectReads, user_id: UUID, parameters: Parameters) -> bytes:
    return encode_json(await get(reads, user_id, parameters["room_id"], parameters["seq"]))


async def _read_events(reads: DirectReads, user_id: UUID, parameters: Parameters) -> bytes:
    after, until = parameters.get("after", 0), parameters.get("until", MAX_SEQ)
    return encode_events(
        await list_events(reads, user_id, parameters["room_id"], after, until, parameters["limit"])
    )


DIRECT_ROUTES = (
    DirectRoute(
        "/rooms/{room_id}/messages",
        re.compile(_ROOM + "/messages"),
        _read_page,
        parameters=frozenset({*PagePosition._fields, "limit"}),
        alternatives=frozenset(PagePosition._fields),
        limit=50,
    ),
    DirectRoute(
        "/rooms/{room_id}/threads/{seq}/messages",
        re.compile(_ROOM + f"/threads/{_SEQ}/messages"),
        _read_thread_page,
        parameters=frozenset({*PagePosition._fields, "limit"}),
        alternatives=frozenset(PagePosition._fields),
        limit=50,
    ),
    DirectRoute(
        "/rooms/{room_id}/messages/{seq}",
        re.compile(_ROOM + f"/messages/{_SEQ}"),
        _read_message,
    ),
    DirectRoute(
        "/rooms/{room_id}/events",
        re.compile(_ROOM + "/events"),
        _read_events,
        parameters=frozenset({"after", "until", "limit"}),
        limit=100,
    ),
)
