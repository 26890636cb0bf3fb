"""Wire shapes of blocks."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.wire.validation import ResponseModel


class BlockOut(ResponseModel):
    """A user that the caller has blocked. Clients hide the user's messages."""

    user: UUID = Field(description="The blocked user's id.")
    at: datetime = Field(description="Since when.")
