"""Wire shapes of user groups."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from app.wire.validation import DisplayName, RequestModel, ResponseModel, Username


class CreateGroup(RequestModel):
    """A new user group, without members."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"handle": "engineers", "display_name": "Engineering"}]}
    )

    handle: Username = Field(
        description="Mentions the group; the rules are those of usernames, which it must not equal."
    )
    display_name: DisplayName | None = Field(None, description="Absent: the handle.")


class UpdateGroup(RequestModel):
    """Absent fields stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"display_name": "Engineering"}]})

    handle: Username | None = Field(None, description="null leaves it as it is.")
    display_name: DisplayName | None = None


class GroupOut(ResponseModel):
    """Users that one `@handle` mentions together."""

    id: UUID = Field(description="The group's id.")
    handle: str = Field(description="Unique, for mentions.", examples=["engineers"])
    display_name: str = Field(description="Not unique.", examples=["Engineering"])
    created_at: datetime
