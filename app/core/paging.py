"""Sizes of pages, and page cursors, opaque to clients: the base64url of the last item's key."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from app.core import base64url
from app.core.ids import parse_id
from app.wire.errors import Invalid
from app.wire.seq import MAX_SEQ
from app.wire.validation import invalid_from_pydantic

T = TypeVar("T")
_NUMBER = re.compile("0|[1-9][0-9]{0,15}")


def encode_cursor(key: str) -> str:
    return base64url.encode(key.encode())


def decode_cursor(cursor: str | None) -> str | None:
    """The key in a cursor, or None for the first page. Raises Invalid."""
    if cursor is None:
        return None
    try:
        return base64url.decode(cursor).decode()
    except ValueError as error:
        raise wrong_cursor() from error


def decode_seq_cursor(cursor: str | None) -> int:
    """The `seq` before which a page is; without a cursor, that of no message. Raises Invalid."""
    key = decode_key(cursor, int)
    return MAX_SEQ if key is None else key[0]


def parse_seq(text: str) -> int:
    """Raises ValueError."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_SEQ))):
        raise ValueError(text)
    return int(text)


def wrong_cursor() -> Invalid:
    return Invalid("`cursor` is not one that this server gave. Start without it.")


def split_page(rows: list[T], limit: int) -> tuple[list[T], bool]:
    """Splits rows that were read with `limit` + 1 into the page and whether there are more."""
    return rows[:limit], len(rows) > limit


def page_size(limit: int, max_size: int, path: Sequence[str], *, is_default: bool) -> int:
    """`limit` itself; a default above `max_size` is lowered to it. Raises Invalid for the value at
    `path`."""
    if limit > max_size and not is_default:
        message = f"Input should be less than or equal to {max_size}"
        raise invalid_from_pydantic([{"loc": path, "msg": message}])
    return min(limit, max_size)


def encode_key(*parts: object) -> str:
    """A cursor of a key of numbers and ids."""
    return encode_cursor(" ".join(map(str, parts)))


def decode_key(cursor: str | None, *types: type[int] | type[UUID]) -> tuple[Any, ...] | None:
    """The parts of a key, or None for the first page. Raises Invalid."""
    text = decode_cursor(cursor)
    if text is None:
        return None
    parts = text.split(" ")
    if len(parts) != len(types) or not all(map(_is_part, parts, types)):
        raise wrong_cursor()
    return tuple(type_(part) for part, type_ in zip(parts, types, strict=True))


def _is_part(text: str, type_: type) -> bool:
    return parse_id(text) is not None if type_ is UUID else bool(_NUMBER.fullmatch(text))
