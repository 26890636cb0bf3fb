"""Wire shapes of moderation."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from app.wire.validation import ResponseModel


class BanOut(ResponseModel):
    """A user who cannot log in."""

    user: UUID
    at: datetime = Field(description="Since when.")
