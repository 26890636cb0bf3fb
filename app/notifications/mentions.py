"""The list of the caller's mentions."""

from datetime import datetime
from uuid import UUID

from app.core.ids import parse_id
from app.core.json_encoding import encode_json
from app.core.paging import encode_cursor
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.mention_order import MentionKey
from app.persistence.repositories.mention_pages import MentionWindow
from app.wire.errors import Invalid


async def list_mentions(
    reads: DirectReads, user_id: UUID, before: MentionKey | None, limit: int
) -> MentionWindow:
    return await reads.mentions.page(user_id, before, limit)


def encode_mentions(window: MentionWindow) -> bytes:
    """A `MentionPage`."""
    items = [
        {
            "room": item.room,
            "message": item.message,
            "previous": item.previous,
            "next": item.next,
        }
        for item in window.items
    ]
    next_ = _encode_key(window.next) if window.next else None
    return encode_json({"items": items, "next": next_})


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
