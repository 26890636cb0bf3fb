"""Wire shapes of invite links."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StrictInt

from app.wire.domain import LenientKind, LenientRole, Role
from app.wire.validation import Instant, RequestModel, ResponseModel

MAX_USES = 1_000_000


class CreateInvite(RequestModel):
    """What an invite link allows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "guest", "max_uses": 10}]})

    role: Literal[Role.MODERATOR, Role.MEMBER, Role.GUEST] = Field(
        Role.MEMBER,
        description="What those who come by it become. Moderators: with the permission to change "
        "roles.",
    )
    expires_at: Instant | None = Field(None, description="null: it does not expire.")
    max_uses: Annotated[StrictInt, Field(ge=1, le=MAX_USES)] | None = Field(
        None, description="How many may come by it; null: any number."
    )


class InviteOut(ResponseModel):
    """An invite link. A user who knows its code may join."""

    id: UUID
    code: str = Field(description="For `/invites/{code}`.", examples=["hV1nXc0Lq0mY8tq3m0b7Jw"])
    role: LenientRole
    created_by: UUID = Field(description="The user who made it.")
    created_at: datetime
    expires_at: datetime | None = Field(description="null: it does not expire.")
    max_uses: int | None = Field(description="null: any number.", examples=[10])
    uses: int = Field(description="How many have come by it.", examples=[3])
    revoked_at: datetime | None = Field(description="null: it was not revoked.")


class InviteUse(ResponseModel):
    """A user who came by an invite link."""

    user: UUID
    at: datetime = Field(description="When, for the last time.")


class InvitePreview(ResponseModel):
    """What somebody sees of a room before they join by an invite link."""

    room: UUID = Field(description="The room's id.")
    kind: LenientKind
    name: str | None = Field(description="A group may have none.", examples=["General"])
    topic: str = Field(description="May be empty.", examples=["Hello"])
    members: int = Field(description="How many there are; 1000 stands for more.", examples=[12])
    role: LenientRole = Field(description="What the caller becomes.")
    joined: bool = Field(description="Whether the caller is a member already.")
