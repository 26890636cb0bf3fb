"""The settings of a room that its members see."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt

from app.wire.validation import RequestModel, ResponseModel

VersionAccess = Literal["nobody", "admins", "members"]
MAX_RETENTION_DAYS = 3650


class RoomSettings(ResponseModel):
    """Settings of a room. Later releases add fields."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version_access: VersionAccess = Field(
        "admins", description="Who may read what messages said before an edit, beside the sender."
    )
    retention_days: int | None = Field(
        None, description="Messages are deleted after so many days; null: never.", examples=[90]
    )
    read_by: bool = Field(True, description="Members see how far others have read.")


class UpdateRoomSettings(RequestModel):
    """Absent fields stay as they are."""

    version_access: VersionAccess | None = None
    retention_days: Annotated[StrictInt, Field(ge=1, le=MAX_RETENTION_DAYS)] | None = Field(
        None, description="null: messages are kept for ever."
    )
    read_by: StrictBool | None = None

    def changes(self) -> dict[str, Any]:
        """The fields to change, with their new values."""
        fields = self.model_dump(exclude_unset=True)
        return {
            name: value
            for name, value in fields.items()
            if value is not None or name == "retention_days"
        }
