"""Wire shapes of requests to join rooms."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from app.wire.validation import RequestModel, ResponseModel, Topic


class AskToJoin(RequestModel):
    """What a user says who asks to join."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "I grow tomatoes."}]})

    note: Topic = Field("", description="For those who may add members.")


class JoinRequestOut(ResponseModel):
    """A user asks to become a member."""

    user: UUID = Field(description="Who asks.")
    note: str = Field(description="May be empty.", examples=["I grow tomatoes."])
    at: datetime = Field(description="When they asked.")
