"""Positions in a room's log."""

from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

MAX_SEQ = 2**53 - 1  # what JavaScript's numbers hold exactly

INT64: JsonDict = {"format": "int64"}  # else generated clients of Java, C# and Go take 32 bits

# Strict: in JSON, neither "5" nor true is a number.
Seq = Annotated[
    int,
    Field(
        strict=True,
        ge=0,
        le=MAX_SEQ,
        description="A position in the room's log.",
        examples=[1207],
        json_schema_extra=INT64,
    ),
]
