"""Page cursors, opaque to clients: the base64url of the last item's key."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

from app.wire.errors import Invalid

T = TypeVar("T")


def encode_cursor(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> str | None:
    """The key in a cursor, or None for the first page. Raises Invalid."""
    if cursor is None:
        return None
    try:
        return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        raise Invalid("`cursor` is not one that this server gave. Start without it.") from error


def split_page(rows: list[T], limit: int) -> tuple[list[T], bool]:
    """Splits rows that were read with `limit` + 1 into the page and whether there are more."""
    return rows[:limit], len(rows) > limit
