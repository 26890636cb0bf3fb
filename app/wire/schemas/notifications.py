"""Wire shapes of what users are notified of."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool, StringConstraints

from app.wire.domain import MentionKind, NotificationLevel, NotificationReason, Weekday
from app.wire.events import Message
from app.wire.profiles import TimeZoneName
from app.wire.validation import VISIBLE, RequestModel, ResponseModel

MAX_KEYWORDS = 100  # whatever the settings say
Keyword = Annotated[str, StringConstraints(min_length=1, max_length=64), *VISIBLE]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+\-][0-9]{2}:[0-9]{2})$"
)
# Whether there is such a day is not in the pattern: `parse_time` says it.
FutureTime = Annotated[str, StringConstraints(pattern=_TIME)]


def parse_time(text: str) -> datetime:
    """In UTC. Raises ValueError, also for a time that has no year there."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} is not a time in UTC") from None


class QuietSchedule(RequestModel):
    """Hours in which nothing notifies the user, week after week."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    days: Annotated[
        list[Weekday],
        Field(
            min_length=1, max_length=7, description="On which they begin.", examples=[["monday"]]
        ),
    ]
    start: TimeOfDay = Field(description="Hours and minutes.", examples=["22:00"])
    end: TimeOfDay = Field(
        description="Not later than `start`: on the next day.", examples=["07:30"]
    )
    time_zone: TimeZoneName = Field(
        description="A name of the IANA time zone database.", examples=["Europe/Berlin"]
    )


Level = Annotated[
    NotificationLevel | None,
    Field(
        description="null: `all` in direct rooms and groups, `mentions` in others.",
        examples=["mentions"],
    ),
]
Schedule = Annotated[QuietSchedule | None, Field(description="null: there is none.")]


class SetNotifications(RequestModel):
    """What notifies the caller; replaces what was set. Absent fields get their defaults."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"level": "mentions", "keywords": ["release"]}]}
    )

    level: Level = None
    keywords: Annotated[
        list[Keyword],
        Field(max_length=MAX_KEYWORDS, description="Words that notify wherever they are written."),
    ] = Field(default_factory=list)
    quiet_until: FutureTime | None = Field(
        None, description="Do not disturb until then; RFC 3339.", examples=["2026-11-28T18:00:00Z"]
    )
    schedule: Schedule = None


class NotificationsOut(ResponseModel):
    """What notifies the caller."""

    level: Level
    keywords: list[str] = Field(
        description="Words that notify the caller wherever they stand.", examples=[["release"]]
    )
    quiet_until: datetime | None = Field(description="Do not disturb until then.")
    schedule: Schedule


RoomLevel = Annotated[
    NotificationLevel | None,
    Field(description="null: as for all rooms.", examples=["all"]),
]


class SetRoomNotifications(RequestModel):
    """What of a room notifies the caller; replaces what was set."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"level": "all"}]})

    level: RoomLevel = None
    muted: StrictBool = Field(False, description="Only direct mentions count, nothing notifies.")
    muted_until: FutureTime | None = Field(
        None, description="Of a muted room: RFC 3339; null: for ever.", examples=[None]
    )


class RoomNotificationsOut(ResponseModel):
    """What of a room notifies the caller."""

    level: RoomLevel
    effective_level: NotificationLevel = Field(description="The level that applies.")
    muted: bool = Field(description="The room is muted now.")
    muted_until: datetime | None = Field(description="null: for ever, if the room is muted.")


class MentionOut(ResponseModel):
    """A message that mentions the caller, and those beside it."""

    room: UUID = Field(description="The room's id.")
    message: Message
    previous: Message | None = Field(description="null: it is the room's first.")
    next: Message | None = Field(description="null: it is the room's newest.")


class MentionPage(ResponseModel):
    """Mentions of the caller, newest first."""

    items: list[MentionOut]
    next: str | None = Field(
        description="Pass it as `cursor` to get the next page; null on the last page.",
        examples=["YWRh"],
    )


class DecisionOut(ResponseModel):
    """Whether a message notifies a user, by the settings as they are now, and if no device of the
    user is connected."""

    unread: bool = Field(description="It counts as unread while it is after the read marker.")
    mention: bool = Field(description="It counts as a mention, too.")
    notify: bool = Field(description="It notifies the user.")
    reason: NotificationReason
    mentions: list[MentionKind] = Field(description="How it mentions the user.")
