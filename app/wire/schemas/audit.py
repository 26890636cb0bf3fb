"""Wire shapes of the audit log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.wire.validation import ResponseModel


class AuditEntry(ResponseModel):
    """An act of a moderator or an administrator. It stays when the users in it are gone."""

    id: UUID
    at: datetime = Field(description="When it was done.")
    actor: UUID | None = Field(
        description="Who did it; null: the operator of the server, at the command line."
    )
    action: str = Field(
        description="What was done. Later releases add actions.", examples=["member_banned"]
    )
    room: UUID | None = Field(description="Where; null: on the server as a whole.")
    user: UUID | None = Field(description="To whom, if it concerns one user.")
    message: int | None = Field(
        description="`seq` of the message, if it concerns one.", examples=[12]
    )
    reason: str = Field(description="May be empty.", examples=["Spam"])
    before: dict[str, Any] | None = Field(
        description="What was changed, as it was. null: there is nothing to say, or the entry is "
        "of a room that the caller may not see.",
        examples=[{"slow_mode_s": 0}],
    )
    after: dict[str, Any] | None = Field(
        description="What was changed, as it is since then, and what else belongs to the act. "
        "null: as in `before`.",
        examples=[{"slow_mode_s": 30}],
    )
