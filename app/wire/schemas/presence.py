"""Wire shapes of what users choose others to see of their presence."""

from pydantic import ConfigDict, Field

from app.wire.domain import PresenceAudience, PresenceChoice
from app.wire.validation import RequestModel, ResponseModel

_CHOICE = "`invisible`: others see `offline`, and not that the user is typing."
_AUDIENCE = "Who sees the state; all others see `unknown`."


class PresenceSettingsOut(ResponseModel):
    """What others see of the caller's presence. Whether the caller is not to be disturbed is among
    the notification settings."""

    choice: PresenceChoice = Field(description=_CHOICE)
    visible_to: PresenceAudience = Field(description=_AUDIENCE)


class SetPresence(RequestModel):
    """What others see of the caller's presence, in place of what was set. Absent fields get their
    defaults."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"choice": "away"}]})

    choice: PresenceChoice = Field(PresenceChoice.AUTOMATIC, description=_CHOICE)
    visible_to: PresenceAudience = Field(PresenceAudience.SHARED_ROOMS, description=_AUDIENCE)
