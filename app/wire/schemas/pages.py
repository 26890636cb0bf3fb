"""Pages of lists."""

from typing import Generic, TypeVar

from pydantic import ConfigDict, Field

from app.wire.validation import ResponseModel

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
