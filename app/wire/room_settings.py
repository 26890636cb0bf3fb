"""The settings of a room that its members see."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.wire.validation import RequestModel, ResponseModel

VersionAccess = Literal["nobody", "admins", "members"]


class RoomSettings(ResponseModel):
    """Settings of a room. Later releases add fields."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version_access: VersionAccess = Field(
        "admins", description="Who may read what messages said before an edit, beside the sender."
    )


class UpdateRoomSettings(RequestModel):
    """Absent fields stay as they are."""

    version_access: VersionAccess | None = None
