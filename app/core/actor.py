"""The caller of a use case."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated user in one of their sessions."""

    user: UUID
    session: UUID
    is_admin: bool
    expires_at: datetime
