"""Wire shapes of filters of messages."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from app.wire.filters import FilterAction, FilterKind
from app.wire.validation import VISIBLE, RequestModel, ResponseModel

MAX_EXPRESSION_CHARS = 200
Expression = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_EXPRESSION_CHARS), *VISIBLE
]
Note = Annotated[str, StringConstraints(min_length=1, max_length=200), *VISIBLE]


class CreateFilterRule(RequestModel):
    """What messages a rule finds, and what becomes of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "word",
                    "expression": "cheap pills",
                    "action": "refuse",
                    "note": "No advertisements",
                }
            ]
        }
    )

    kind: FilterKind
    expression: Expression = Field(
        description="A word, or several that follow each other: they are found as whole words, "
        "whatever their case and diacritics. Or a pattern of RE2, whatever its case."
    )
    action: FilterAction
    note: Note | None = Field(
        None, description="What the sender of a message is told that is refused; null: nothing."
    )


class FilterRuleOut(ResponseModel):
    """A rule of a filter."""

    id: UUID
    kind: str = Field(description="`word` or `pattern`.", examples=["word"])
    expression: str = Field(examples=["cheap pills"])
    action: str = Field(description="`refuse` or `report`.", examples=["refuse"])
    note: str | None = Field(
        description="What the sender of a message is told that is refused.",
        examples=["No advertisements"],
    )
    created_by: UUID
    at: datetime


class FilterRules(ResponseModel):
    """The rules of a filter."""

    items: list[FilterRuleOut] = Field(description="The oldest first.")
