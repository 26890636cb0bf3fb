"""Wire shapes of messages."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.wire.content import MAX_OPTIONS, NewContent, OptionText, optional_field
from app.wire.events import AnyEvent, Message
from app.wire.schemas.pages import Page
from app.wire.schemas.rooms import MentionCount, UnreadCount
from app.wire.seq import MAX_VERSION, Epoch, Seq
from app.wire.validation import CanonicalUuid, Instant, Nonce, RequestModel, ResponseModel, Text

Version = Annotated[int, Field(ge=1, le=MAX_VERSION)]


class SendMessageRequest(NewContent, RequestModel):
    """A message to send; the same shape over HTTP and in the frame `message.send`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"nonce": "01JB8Z3J6Q", "text": "Hello 👋"}]}
    )

    nonce: Nonce = Field(
        description="Made by the client, new for each message. Sending it again, on any way and at "
        "any time, returns the first message."
    )


class EditMessage(RequestModel):
    """A new text for a message."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Hello!", "version": 1}]})

    text: Text
    version: Version = Field(
        description="The version that the caller has edited: 1, or that of the message's `edit`."
    )


class MessageVersionOut(ResponseModel):
    """What a message said from a time on."""

    version: int = Field(description="1 as it was sent.", examples=[1])
    text: str = Field(examples=["Hello 👋"])
    at: datetime


class MessageVersions(ResponseModel):
    """All versions of a message."""

    items: list[MessageVersionOut] = Field(description="The first one first.")


class DeleteMessages(RequestModel):
    """Messages to delete: either these, or the newest ones of a sender since a time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seqs": [5, 6]}]})

    seqs: Annotated[list[Seq], Field(min_length=1, max_length=100)] | None = None
    sender: CanonicalUuid | None = None
    since: Instant | None = None

    @model_validator(mode="after")
    def names_messages_once(self) -> Self:
        if (self.seqs is None) == (self.sender is None) or (
            (self.sender is None) != (self.since is None)
        ):
            raise ValueError("needs either `seqs`, or `sender` and `since`")
        return self


class DeletedMessages(ResponseModel):
    """How many messages were deleted."""

    count: int = Field(examples=[2])
    more: bool = Field(description="There are more: repeat the request.")


class ReactionOut(ResponseModel):
    """A user's reaction to a message."""

    emoji: str = Field(description="The emoji.", examples=["🎉"])
    user: UUID


class PinnedMessages(Page[Message]):
    """Pinned messages of a room, the newest first."""


class Quote(ResponseModel):
    """A message that others reply to, as it is now."""

    seq: Seq
    sender: UUID = Field(description="The user who sent it.")
    text: str = Field(description="Its first 200 characters.", examples=["Hello 👋"])
    deleted: bool = Field(description="It was deleted; the text is empty.")


class ReadBy(ResponseModel):
    """Who has read a message."""

    users: list[UUID] = Field(description="Without its sender, and those who do not share it.")


class OwnReaction(ResponseModel):
    """A reaction of the caller."""

    seq: Seq = Field(description="Of the message.")
    emoji: str = Field(description="The emoji.", examples=["🎉"])


class ForwardMessage(RequestModel):
    """Where to forward a message to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"to": "0193a4d3-1f42-7a90-a1b2-3c4d5e6f7081", "nonce": "01JB8Z3J6R"}]
        }
    )

    to: CanonicalUuid = Field(description="The room to send it into.")
    nonce: Nonce = Field(description="Of the new message, as for every send.")
    text: Text | None = Field(None, description="What the caller says about it.")


OptionNumber = Annotated[int, Field(ge=1, le=MAX_OPTIONS)]


class SetVote(RequestModel):
    """What the caller votes for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"options": [1]}]})

    options: Annotated[list[OptionNumber], Field(max_length=MAX_OPTIONS)] = Field(
        description="The `number` of each option; none: the vote is withdrawn."
    )


class VoteResult(ResponseModel):
    """The poll after a vote, and the caller's vote."""

    message: Message
    options: list[int] = Field(
        description="The `number` of each option that the caller has voted for.", examples=[[1]]
    )


class AddOption(RequestModel):
    """An option for a poll."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Maybe"}]})

    text: OptionText


class VoteOut(ResponseModel):
    """A vote for an option of a poll."""

    option: int = Field(description="The `number` of the option.", examples=[1])
    user: UUID


class OwnVote(ResponseModel):
    """The caller's vote in a poll."""

    seq: Seq = Field(description="Of the message.")
    options: list[int] = Field(description="The `number` of each option.", examples=[[1]])


class MessagePage(ResponseModel):
    """Messages in the order of `seq`, ascending."""

    items: list[Message] = Field(description="The messages.")
    before: Seq | None = Field(
        description="Pass it as `before` for the page of older ones; null: there are none, "
        "or the page is empty."
    )
    after: Seq | None = Field(
        description="Pass it as `after` for the page of newer ones; null: there are none, "
        "or the page is empty."
    )
    quoted: list[Quote] | None = optional_field(
        "The messages that those of the page reply to and that are not on it. Absent: none."
    )
    reacted: list[OwnReaction] | None = optional_field(
        "The caller's reactions to messages of the page. Absent: none."
    )
    voted: list[OwnVote] | None = optional_field(
        "The caller's votes in polls of the page. Absent: none."
    )


class EventPage(ResponseModel):
    """A piece of the room's log, without a hole."""

    epoch: Epoch
    items: list[AnyEvent]
    next: Seq | None = Field(description="Pass it as `after` to go on; null: the end is reached.")


class SetRead(RequestModel):
    """How far the caller has read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seq": 1207}]})

    seq: Seq = Field(description="Read up to here. A marker never goes back.")


class SetUnread(RequestModel):
    """From where on the caller has not read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"seq": 1205}]})

    seq: Seq = Field(description="The first `seq` that is unread afterwards.")


class ReadOut(ResponseModel):
    """Where the caller's read marker is, and what is after it."""

    seq: Seq = Field(description="Where the marker is now.")
    unread: UnreadCount
    mentions: MentionCount
