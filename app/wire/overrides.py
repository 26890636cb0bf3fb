"""Overrides of permissions in a room, as requests and events have them."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.wire.domain import Permission
from app.wire.validation import RequestModel, ResponseModel

# What comes with being a member.
FIXED = frozenset({Permission.READ, Permission.LEAVE})
Names = Annotated[list[Permission], Field(max_length=len(Permission))]


class OverrideOut(BaseModel):
    """What is allowed or denied to a role, or to a user, whatever the defaults say. Both lists are
    empty where the defaults count again."""

    model_config = ConfigDict(
        frozen=True, extra="allow", json_schema_serialization_defaults_required=True
    )

    role: str | None = Field(None, description="The role, or null.", examples=["member"])
    user: UUID | None = Field(None, description="The user's id, or null.", examples=[None])
    allow: list[str] = Field(description="Names of permissions.", examples=[["pin"]])
    deny: list[str] = Field(description="Names of permissions.", examples=[["send"]])


class PutOverride(RequestModel):
    """All that is to be allowed and denied; what is in neither list is as by default."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"allow": ["pin"], "deny": ["send"]}]}
    )

    allow: Names = Field(default_factory=list, description="Allowed, whatever the defaults say.")
    deny: Names = Field(default_factory=list, description="Denied, whatever the defaults say.")

    @model_validator(mode="after")
    def is_consistent(self) -> Self:
        if both := set(self.allow) & set(self.deny):
            raise ValueError(f"{', '.join(sorted(both))}: allowed and denied at once")
        if fixed := FIXED & {*self.allow, *self.deny}:
            raise ValueError(f"{', '.join(sorted(fixed))}: every member has this")
        return self


class RoomPermissions(ResponseModel):
    """The overrides of a room."""

    overrides: list[OverrideOut] = Field(description="Roles first, then users.")
