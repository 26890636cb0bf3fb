"""The settings of a room that its members see."""

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt

from app.wire.validation import RequestModel, ResponseModel

VersionAccess = Literal["nobody", "admins", "members"]
History = Literal["all", "since_joining"]
MAX_RETENTION_DAYS = 3650
MAX_SLOW_MODE_S = 6 * 3600
# To change these needs the permission to change permissions.
SETTINGS_OF_MANAGERS = frozenset({"announcement", "slow_mode_s", "join_requests", "history"})


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
    slow_mode_s: int = Field(
        0, description="Seconds between two messages of one member; 0: none.", examples=[30]
    )
    join_requests: bool = Field(
        False, description="Of a private room: users who know its id may ask to join."
    )
    announcement: bool = Field(
        False,
        description="Only moderators, admins and owners write; others read, react and reply in "
        "threads. Overrides of permissions change that.",
    )
    history: History = Field(
        "all",
        description="What members see of the time before they joined. With `since_joining`, those "
        "who join from then on see nothing of it; with `all`, all members see everything.",
    )


class UpdateRoomSettings(RequestModel):
    """Absent fields stay as they are."""

    version_access: VersionAccess | None = None
    retention_days: Annotated[StrictInt, Field(ge=1, le=MAX_RETENTION_DAYS)] | None = Field(
        None, description="null: messages are kept for ever."
    )
    read_by: StrictBool | None = None
    slow_mode_s: Annotated[StrictInt, Field(ge=0, le=MAX_SLOW_MODE_S)] | None = Field(
        None, description="Not for those who may delete messages of others."
    )
    join_requests: StrictBool | None = None
    announcement: StrictBool | None = None
    history: History | None = None

    def changes(self) -> dict[str, Any]:
        """The fields to change, with their new values."""
        fields = self.model_dump(exclude_unset=True)
        return {
            name: value
            for name, value in fields.items()
            if value is not None or name == "retention_days"
        }


@lru_cache(maxsize=1000)
def _parse(document: str) -> RoomSettings:
    return RoomSettings.model_validate_json(document)


_DEFAULTS = RoomSettings()


def parse_settings(document: str | None) -> RoomSettings:
    """Of a column of the room; None: all have their defaults."""
    return _parse(document) if document else _DEFAULTS
