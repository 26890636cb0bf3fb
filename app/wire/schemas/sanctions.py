"""Wire shapes of bans and time-outs in rooms."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.wire.validation import Instant, RequestModel, ResponseModel, Topic

Reason = Annotated[Topic, Field(description="For those who may see it; up to 500 characters.")]
_UNTIL = "2030-01-01T00:00:00Z"


class PutBan(RequestModel):
    """What is said about a ban."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until": _UNTIL, "reason": "Spam"}]})

    until: Instant | None = Field(None, description="When it ends; null: when it is lifted.")
    reason: Reason = ""


class PutTimeOut(RequestModel):
    """What is said about a time-out."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"until": _UNTIL, "reason": "Calm down, please"}]}
    )

    until: Instant = Field(description="When it ends.")
    reason: Reason = ""


class SanctionOut(ResponseModel):
    """A ban or a time-out."""

    user: UUID = Field(description="Whom it is against.")
    until: datetime | None = Field(description="When it ends; null: when it is lifted.")
    reason: str = Field(description="May be empty.", examples=["Spam"])
    set_by: UUID = Field(description="Who has set it.")
    at: datetime = Field(description="When it was set.")
