"""Pages of a user's saved messages."""

import re
from datetime import UTC
from uuid import UUID

from app.core.clock import EPOCH, MICROSECOND, microseconds
from app.core.json_encoding import encode_json
from app.core.paging import decode_key, encode_key, split_page
from app.http.direct_reads import DirectRoute, Parameters
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.item_query import ItemValue
from app.persistence.repositories.saved_messages import SavedPosition


async def read_page(reads: DirectReads, user_id: UUID, parameters: Parameters) -> bytes:
    """A `Page` of `SavedMessageOut`, after the `cursor` if there is one. Raises Invalid."""
    key = decode_key(parameters.get("cursor"), int, UUID, int)
    after = None if key is None else SavedPosition(EPOCH + key[0] * MICROSECOND, *key[1:])
    limit = parameters["limit"]
    saved, more = split_page(await reads.saved_messages.page(user_id, after, limit + 1), limit)
    return encode_json({"items": saved, "next": _encode_cursor(saved[-1]) if more else None})


def _encode_cursor(saved: ItemValue) -> str:
    at = microseconds(saved["saved_at"].replace(tzinfo=UTC))
    return encode_key(at, UUID(bytes=saved["room"]), saved["seq"])


# With a cursor it is no plain request.
DIRECT_ROUTE = DirectRoute(
    "/users/me/saved",
    re.compile("/api/v1/users/me/saved"),
    read_page,
    parameters=frozenset({"limit"}),
    limit=50,
)
