"""The content of a message: what its sender chooses.

A field of `Content` is a field of every message, of POST /rooms/{id}/messages and of the frame
`message.send`, and part of the fingerprint of a send. It is optional, so that clients and messages
that are older than the field stay valid. A field that few messages have is an `optional_field`.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from app.wire.seq import Seq
from app.wire.validation import JsonObject, Text


def optional_field(description: str, **options: Any) -> Any:
    """A field that is left out of JSON where it is null. It is stored in `messages.details`, unless
    that table has a column with its name."""
    return Field(None, description=description, exclude_if=_is_none, **options)


def _is_none(value: object) -> bool:
    return value is None


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
        return {name: value for name in _FIELDS if (value := getattr(self, name)) is not None}


_FIELDS = tuple(Content.model_fields)  # pydantic computes them at each access


def _true_or_none(value: bool | None) -> bool | None:
    """False says the same as null, and has the same fingerprint."""
    return value or None


Flag = Annotated[StrictBool | None, AfterValidator(_true_or_none)]


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
