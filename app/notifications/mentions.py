"""The list of the caller's mentions."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.core.ids import parse_id
from app.core.json_encoding import encode_json
from app.core.paging import encode_cursor, split_page
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.mention_pages import MentionInContext, MentionKey
from app.wire.errors import Invalid


class MentionWindow(NamedTuple):
    items: list[MentionInContext]
    has_more: bool


async def list_mentions(
    reads: DirectReads, user_id: UUID, before: MentionKey | None, limit: int
) -> MentionWindow:
    return MentionWindow(*split_page(await reads.mentions.page(user_id, before, limit + 1), limit))


def encode_mentions(window: MentionWindow) -> bytes:
    """A `MentionPage`."""
    items = [
        {
            "room": item.key.room,
            "message": item.message,
            "previous": item.previous,
            "next": item.next,
        }
        for item in window.items
    ]
    cursor = _encode_key(window.items[-1].key) if window.has_more else None
    return encode_json({"items": items, "next": cursor})


def _encode_key(key: MentionKey) -> str:
    return encode_cursor(f"{key.at.isoformat()} {key.room} {key.seq}")


def parse_key(text: str | None) -> MentionKey | None:
    """Of a decoded cursor. Raises Invalid."""
    if text is None:
        return None
    try:
        at, room, seq = text.split(" ")
        key = MentionKey(datetime.fromisoformat(at), UUID(room), int(seq))
        if key.at.tzinfo is None or parse_id(room) is None or not 0 <= key.seq < 2**53:
            raise ValueError(text)
        key.at.timestamp()
    except (ValueError, OverflowError):
        raise Invalid("`cursor` is not one that this server gave. Start without it.") from None
    return key
