"""The content of a message: what its sender chooses.

A field of `Content` is a field of every message, of POST /rooms/{id}/messages and of the frame
`message.send`, and part of the fingerprint of a send. It is optional, so that clients and messages
that are older than the field stay valid. A field that few messages have is an `optional_field`.
What a message shows in another form than it was sent is a field of `NewContent` only.
"""

import operator
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
)

from app.wire.seq import Seq
from app.wire.validation import VISIBLE, Instant, JsonObject, RequestModel, Text

MAX_EXPIRY_S = 366 * 24 * 3600
MAX_OPTIONS = 100  # of a poll, whatever the settings say


def optional_field(description: str, **options: Any) -> Any:
    """A field that is left out of JSON where it is null, and that its schema does not require. One
    of a message is stored in `messages.details`, unless that table has a column with its name."""
    return Field(None, description=description, exclude_if=_IS_NONE, **options)


# In C: it is called for each such field of each message.
_IS_NONE = partial(operator.is_, None)


class Content(BaseModel):
    """Content as it is stored and shown."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(description="Exactly as it was sent.", examples=["Hello 👋"])
    reply_to: Seq | None = Field(
        None, description="`seq` of the message that this one answers.", examples=[1204]
    )
    thread: Seq | None = optional_field(
        "`seq` of the message whose thread this is a reply in. Not in the room's timeline then.",
        examples=[1204],
    )
    also_in_room: bool | None = optional_field("True: a reply in a thread, and in the timeline.")
    silent: bool | None = optional_field("True: it notifies nobody.")
    metadata: dict[str, Any] | None = optional_field(
        "Data of the sender's application. The server passes it on.", examples=[{"ticket": 4711}]
    )

    @property
    def in_timeline(self) -> bool:
        """Whether pages, counts and the last message of the room have it."""
        return self.thread is None or bool(self.also_in_room)

    def content_fields(self) -> dict[str, Any]:
        """The fields of `Content` that are not null, without those of the class that this object is
        of."""
        values = self.__dict__
        return {name: value for name in _FIELDS if (value := values[name]) is not None}

    def sent_fields(self) -> dict[str, Any]:
        """What recognises a repeated send."""
        return self.content_fields()


_FIELDS = tuple(Content.model_fields)  # pydantic computes them at each access


class Forwarded(BaseModel):
    """A copy of a message, as it was when it was forwarded."""

    model_config = ConfigDict(frozen=True)

    room: UUID = Field(description="The room of the message. Only its members can read it there.")
    seq: Seq = Field(description="Its `seq` in that room.")
    sender: UUID = Field(description="The user who sent it.")
    at: datetime = Field(description="When, RFC 3339 in UTC.")
    text: str = Field(description="As it was then.", examples=["Hello 👋"])


def _true_or_none(value: bool | None) -> bool | None:
    """False says the same as null, and has the same fingerprint."""
    return value or None


Flag = Annotated[StrictBool | None, AfterValidator(_true_or_none)]


def _distinct(options: list[str]) -> list[str]:
    if len(set(options)) < len(options):
        raise ValueError("must be distinct")
    return options


OptionText = Annotated[str, StringConstraints(min_length=1, max_length=200), *VISIBLE]


class NewPoll(RequestModel):
    """A poll to send. The text of the message is its question."""

    options: Annotated[
        list[OptionText],
        Field(min_length=2, max_length=MAX_OPTIONS, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_distinct),
    ] = Field(
        description="What can be voted for; how many, see `welcome`.", examples=[["Yes", "No"]]
    )
    multiple: StrictBool = Field(False, description="Votes may be for several options.")
    anonymous: StrictBool = Field(False, description="Nobody sees who has voted for what.")
    may_add: StrictBool = Field(False, description="Members may add options.")
    closes_at: Instant | None = Field(
        None, description="No votes from this time on. It is at most a year ahead."
    )


class NewContent(Content):
    """Content that a client sends. Its validators may be stricter than older messages are."""

    text: Text = Field(description="Exactly as it will be shown to others; limits: see `welcome`.")
    also_in_room: Flag = optional_field(
        "True: the reply in a thread is in the room's timeline, too. Only with `thread`."
    )
    silent: Flag = optional_field("True: it notifies nobody.")
    metadata: JsonObject | None = optional_field(
        "Data of the sender's application, a small object. The server passes it on.",
        examples=[{"ticket": 4711}],
    )
    poll: NewPoll | None = optional_field("A poll with the text as its question.")
    expires_in_s: Annotated[StrictInt, Field(ge=10, le=MAX_EXPIRY_S)] | None = optional_field(
        "The message disappears after so many seconds.", examples=[3600]
    )

    def sent_fields(self) -> dict[str, Any]:
        fields = self.content_fields()
        if self.poll is not None:
            fields["poll"] = self.poll
        if self.expires_in_s is not None:
            fields["expires_in_s"] = self.expires_in_s
        return fields
