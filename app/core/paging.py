"""Page cursors, opaque to clients: the base64url of the last item's key."""

from typing import TypeVar

from app.core import base64url
from app.wire.errors import Invalid

T = TypeVar("T")


def encode_cursor(key: str) -> str:
    return base64url.encode(key.encode())


def decode_cursor(cursor: str | None) -> str | None:
    """The key in a cursor, or None for the first page. Raises Invalid."""
    if cursor is None:
        return None
    try:
        return base64url.decode(cursor).decode()
    except ValueError as error:
        raise Invalid("`cursor` is not one that this server gave. Start without it.") from error


def split_page(rows: list[T], limit: int) -> tuple[list[T], bool]:
    """Splits rows that were read with `limit` + 1 into the page and whether there are more."""
    return rows[:limit], len(rows) > limit
