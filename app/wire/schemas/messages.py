"""Wire shapes of messages."""

from pydantic import ConfigDict, Field

from app.wire.content import NewContent
from app.wire.events import AnyEvent, Message
from app.wire.schemas.rooms import MentionCount, UnreadCount
from app.wire.seq import Epoch, Seq
from app.wire.validation import Nonce, RequestModel, ResponseModel


class SendMessageRequest(NewContent, RequestModel):
    """A message to send; the same shape over HTTP and in the frame `message.send`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"nonce": "01JB8Z3J6Q", "text": "Hello 👋"}]}
    )

    nonce: Nonce = Field(
        description="Made by the client, new for each message. Sending it again, on any way and at "
        "any time, returns the first message."
    )


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
