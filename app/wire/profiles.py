"""What users say of themselves: the fields of a profile, and a status."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from app.wire.content import optional_field
from app.wire.validation import (
    LINE,
    EmojiText,
    Instant,
    RequestModel,
    ResponseModel,
    RoomName,
)

MAX_STATUS_CHARS = 100
StatusText = Annotated[str, StringConstraints(max_length=MAX_STATUS_CHARS), *LINE]
TimeZoneName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+\u002F\-]{1,64}$")]
# BCP 47 without extensions and private use: language, script, region, variants.
LanguageTag = Annotated[
    str,
    StringConstraints(
        max_length=35,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?"
        r"(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*$",
    ),
]
_TIME_ZONE = "A name of the IANA time zone database."
_LANGUAGE = "A language tag (BCP 47)."


class CustomStatus(ResponseModel):
    """What a user is doing, for a while."""

    emoji: str | None = optional_field("One emoji.", examples=["🌴"])
    text: str = Field(description="May be empty if there is an emoji.", examples=["On holiday"])
    until: datetime | None = optional_field(
        "When it ends: a client drops it then. Absent: it stays until the user changes it."
    )


class Profile(ResponseModel):
    """The fields of a profile that a user may leave out."""

    title: str | None = optional_field("What the user does.", examples=["Editor"])
    time_zone: str | None = optional_field(_TIME_ZONE, examples=["Europe/London"])
    language: str | None = optional_field(_LANGUAGE, examples=["en-GB"])
    status: CustomStatus | None = optional_field("What the user is doing now.")


class SetStatus(RequestModel):
    """A status: an emoji, a text or both."""

    emoji: EmojiText | None = None
    text: StatusText = ""
    until: Instant | None = Field(None, description="When it ends; absent: it stays.")

    @model_validator(mode="after")
    def _has_something(self) -> "SetStatus":
        if self.emoji is None and not self.text.strip():
            raise ValueError("a status has an emoji, a text or both; null clears it")
        return self


class UpdateProfileFields(RequestModel):
    """Absent fields stay as they are; null clears."""

    title: RoomName | None = Field(None, description="What the caller does; null clears it.")
    time_zone: TimeZoneName | None = Field(
        None, description=f"{_TIME_ZONE} null clears it.", examples=["Europe/London"]
    )
    language: LanguageTag | None = Field(
        None, description=f"{_LANGUAGE} null clears it.", examples=["en-GB"]
    )
    status: SetStatus | None = Field(None, description="null clears it.")
