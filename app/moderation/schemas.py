"""Wire shapes of moderation."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class BanOut(BaseModel):
    """A user who cannot log in."""

    user: UUID
    at: datetime = Field(description="Since when.")
