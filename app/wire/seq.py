"""Positions in a room's log, and the epoch that they belong to."""

from typing import Annotated

from pydantic import Field, StringConstraints
from pydantic.config import JsonDict

MAX_SEQ = 2**53 - 1  # what JavaScript's numbers hold exactly

MAX_VERSION = 2**31 - 1  # of a message
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

EPOCH_CHARS = 32
Epoch = Annotated[
    str,
    StringConstraints(min_length=1, max_length=EPOCH_CHARS),
    Field(
        description="The history that positions belong to: another one after the database was "
        "restored from a backup.",
        examples=["q3Xv0TbN2cE"],
    ),
]
