"""Pages. A cursor is opaque to clients: base64url of the key of the last item."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Generic, TypeVar

from pydantic import ConfigDict, Field

from app.core.errors import Invalid
from app.core.fields import ResponseModel

T = TypeVar("T")


class Page(ResponseModel, Generic[T]):
    """Some of the items, and where the next ones begin."""

    # The schemas of Page[T] would have no docstring.
    model_config = ConfigDict(json_schema_extra={"description": __doc__})

    items: list[T]
    next: str | None = Field(
        default=None,
        description="Pass it as `cursor` to get the next page; null on the last page.",
        examples=["YWRh"],
    )


def encode_cursor(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> str | None:
    """The key in a cursor, None for the first page. Raises Invalid for what we did not make."""
    if cursor is None:
        return None
    try:
        return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        raise Invalid("`cursor` is not one that this server gave. Start without it.") from error


def cut(rows: list[T], limit: int) -> tuple[list[T], bool]:
    """Rows were read with `limit` + 1: those of the page, and whether there are more."""
    return rows[:limit], len(rows) > limit
