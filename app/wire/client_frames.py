"""The frames that clients of `chat.v1` send. Types only, no I/O.

The server refuses fields that it does not know. Docstrings and descriptions are public:
/asyncapi.json and the tables of docs/protocol.md are made from them.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler, GetPydanticSchema, StringConstraints
from pydantic_core import CoreSchema

from app.wire.content import NewContent
from app.wire.seq import MAX_SEQ, MAX_VERSION, Epoch, Seq
from app.wire.validation import (
    MAX_ITEMS,
    CanonicalUuid,
    EmojiText,
    Nonce,
    RequestModel,
    Text,
)


def _merge_union_errors(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """One error at the path of the field; pydantic has one for each type, below its own name."""
    message = f"must be 1 to 32 characters, or an integer from -{MAX_SEQ} to {MAX_SEQ}"
    union: Any = handler(source)
    return union | {"custom_error_type": "frame_id", "custom_error_message": message}  # type: ignore[no-any-return]


FrameId = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=32)]
    | Annotated[int, Field(ge=-MAX_SEQ, le=MAX_SEQ)],
    GetPydanticSchema(_merge_union_errors),
    Field(description="Chosen by the client and repeated in the answer.", examples=[7]),
]
RoomId = Annotated[CanonicalUuid, Field(description="The room's id.")]


class ClientFrameBase(RequestModel):
    id: FrameId | None = None


class RoomPosition(RequestModel):
    """A room to open, and the client's position in its log."""

    room: RoomId
    since: Seq | None = Field(
        None,
        description="The `seq` of the last event that the client has. Absent: open at the head.",
    )
    epoch: Epoch | None = Field(
        None,
        description="The epoch of `since`: that of the `welcome` of the socket that it came on. "
        "Absent: the first one of the database.",
    )


class Hello(ClientFrameBase):
    """The first frame of a socket: who the client is and which rooms it opens."""

    type: Literal["hello"] = "hello"
    token: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="A ticket of `POST /api/v1/ws-tickets` (single use) or an access token.",
        examples=["YWxhZGRpbjpvcGVuc2VzYW1l"],
    )
    client: Annotated[str, StringConstraints(max_length=100)] = Field(
        "", description="Name and version of the client.", examples=["example/1.0"]
    )
    rooms: Annotated[list[RoomPosition], Field(max_length=1000)] = Field(
        default_factory=list, description="Rooms to open."
    )
    snapshot: str | None = Field(
        None,
        description="That of the last `rooms` frame; the answer then has only what has changed.",
    )


class Open(ClientFrameBase):
    """Subscribe to rooms, each from the client's position."""

    type: Literal["open"] = "open"
    rooms: Annotated[list[RoomPosition], Field(min_length=1, max_length=100)] = Field(
        description="Rooms to open, each once."
    )


class Close(ClientFrameBase):
    """Unsubscribe from rooms."""

    type: Literal["close"] = "close"
    rooms: Annotated[list[CanonicalUuid], Field(min_length=1, max_length=100)] = Field(
        description="Ids of the rooms to close."
    )


class SendMessage(NewContent, ClientFrameBase):
    """Send a message. The answer comes after COMMIT."""

    type: Literal["message.send"] = "message.send"
    room: RoomId
    nonce: Nonce = Field(
        description="The idempotency key of the send, unique per room and sender. Sent again with "
        "the same nonce, the message is not sent twice.",
        examples=["01JB8Z3J6Q"],
    )


class EditMessage(ClientFrameBase):
    """Change the text of an own message. Like `PATCH /rooms/{id}/messages/{seq}`."""

    type: Literal["message.edit"] = "message.edit"
    room: RoomId
    seq: Seq = Field(description="`seq` of the message.")
    text: Text = Field(description="The new text.")
    version: Annotated[int, Field(ge=1, le=MAX_VERSION)] = Field(
        description="The version that the user has edited.", examples=[1]
    )


class ReactionFrame(ClientFrameBase):
    """A reaction to a message."""

    room: RoomId
    seq: Seq = Field(description="`seq` of the message.")
    emoji: EmojiText


class AddReaction(ReactionFrame):
    """React to a message. Adding a reaction again changes nothing."""

    type: Literal["reaction.add"] = "reaction.add"


class RemoveReaction(ReactionFrame):
    """Take a reaction back. Removing one that is not there changes nothing."""

    type: Literal["reaction.remove"] = "reaction.remove"


class GetHistory(ClientFrameBase):
    """Read a page of messages by `seq`: the newest, or those before, after or around one. Like
    `GET /rooms/{id}/messages`, on the socket."""

    type: Literal["history"] = "history"
    room: RoomId
    before: Seq | None = Field(None, description="The newest ones that are older than this `seq`.")
    after: Seq | None = Field(None, description="The oldest ones that are newer than this `seq`.")
    around: Seq | None = Field(
        None, description="This `seq` and what is on both sides of it. Only one of the three."
    )
    limit: Annotated[int, Field(strict=True, ge=1, le=MAX_ITEMS)] = Field(
        50, description="Messages on the page, at most.", examples=[50]
    )


class MarkRead(ClientFrameBase):
    """Move the user's read marker. It never moves back."""

    type: Literal["read"] = "read"
    room: RoomId
    seq: Seq = Field(description="The user has read everything up to this `seq`.")


class SubscribePresence(ClientFrameBase):
    """Subscribe to the presence of users, instead of those of the last such frame."""

    type: Literal["presence.subscribe"] = "presence.subscribe"
    users: Annotated[list[CanonicalUuid], Field(max_length=1000)] = Field(
        description="User ids; an empty list ends the subscription."
    )


class Typing(ClientFrameBase):
    """The user is typing in a room that is open on this socket. Has no answer."""

    type: Literal["typing"] = "typing"
    room: RoomId


class Pong(ClientFrameBase):
    """The answer to a `ping`."""

    type: Literal["pong"] = "pong"
    n: Annotated[int, Field(ge=0, le=MAX_SEQ)] = Field(
        description="`n` of the `ping`.", examples=[1]
    )


ClientFrame = Annotated[
    Hello
    | Open
    | Close
    | SendMessage
    | EditMessage
    | AddReaction
    | RemoveReaction
    | GetHistory
    | MarkRead
    | SubscribePresence
    | Typing
    | Pong,
    Field(discriminator="type"),
]
