"""Wire shapes of statistics."""

from datetime import date
from uuid import UUID

from pydantic import Field

from app.wire.validation import ResponseModel


class MessageCountOut(ResponseModel):
    """The messages of a room on a day."""

    day: date = Field(description="In UTC.", examples=["2026-03-01"])
    room: UUID
    messages: int = Field(ge=1, examples=[120])
