"""Wire shapes of items: the same in lists over HTTP and in the frame `item.changed`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from app.wire.content import Content, NewContent, optional_field
from app.wire.events import Message
from app.wire.items import MAX_NOTE_CHARS, ScheduledState
from app.wire.seq import Seq
from app.wire.validation import (
    STORABLE,
    CanonicalUuid,
    Instant,
    Nonce,
    RequestModel,
    ResponseModel,
    Text,
)

THREAD = "`seq` of the first message of the thread; 0: outside of threads."
DraftText = Annotated[str, StringConstraints(max_length=16_000), *STORABLE]

Note = Annotated[str, StringConstraints(max_length=MAX_NOTE_CHARS), *STORABLE]


class DraftOut(ResponseModel):
    """A text that the caller has not sent yet."""

    room: UUID = Field(description="The room's id.")
    thread: Seq = Field(description=THREAD, examples=[0])
    text: str = Field(description="Exactly as it was saved.", examples=["Hello, I wanted to"])
    reply_to: Seq | None = Field(
        description="`seq` of the message that it is to answer.", examples=[1204]
    )
    updated_at: datetime = Field(description="When it was last saved.")


class SaveDraft(RequestModel):
    """A draft, in place of the one before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Hello, I wanted to"}]})

    text: DraftText = Field(description="As long as a message. Empty: delete the draft.")
    reply_to: Seq | None = Field(
        None, description="`seq` of the message that it is to answer; it need not exist any more."
    )
    thread: Seq = Field(0, description=THREAD, examples=[0])


class SavedMessageValue(ResponseModel):
    """A message that the caller has marked for later."""

    room: UUID = Field(description="The room's id.")
    seq: Seq = Field(description="The message's position in the room's log.")
    note: str = Field(description="May be empty.", examples=["answer this"])
    saved_at: datetime = Field(description="When it was saved first.")


class SavedMessageOut(SavedMessageValue):
    """A message that the caller has marked for later, as it is now."""

    message: Message | None = Field(description="The message; null: it is gone.")


class SaveMessage(RequestModel):
    """A note, in place of the one before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "answer this"}]})

    note: Note = Field("", description="For the caller alone.")


class ScheduledOut(Content, ResponseModel):
    """A message of the caller that is sent later."""

    id: UUID = Field(description="The scheduled message's id.")
    room: UUID = Field(description="The room's id.")
    reply_to: Seq | None = optional_field("`seq` of the message that it answers.", examples=[1204])
    due_at: datetime = Field(description="When it is sent, by the clock of the database.")
    state: ScheduledState = Field(description="Lists have no messages that were sent.")
    error: str | None = Field(
        description="Why it has failed: the code of the error.", examples=["room_archived"]
    )
    nonce: str = Field(description="The idempotency key of the request.", examples=["01JB8Z3J6Q"])


class ScheduleMessage(NewContent, RequestModel):
    """A message, and when to send it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "Good morning", "due_at": "2026-12-01T08:00:00Z", "nonce": "01JB8Z3J6Q"}
            ]
        }
    )

    due_at: Instant = Field(description="When to send it; at once if that is in the past.")
    nonce: Nonce = Field(
        description="Made by the client, new for each scheduled message. Again it returns the "
        "first one, for 30 days after that was sent."
    )


class UpdateScheduled(RequestModel):
    """What to change; absent or null: it stays, but a `reply_to` of null takes the reply away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Good evening"}]})

    text: Text | None = Field(None, description="The text to send instead.")
    reply_to: Seq | None = Field(None, description="`seq` of the message to answer; null: none.")
    due_at: Instant | None = Field(None, description="When to send it instead.")


class ReminderOut(ResponseModel):
    """What the caller wants to be reminded of."""

    id: UUID = Field(description="The reminder's id.")
    room: UUID = Field(description="The room's id.")
    seq: Seq | None = Field(description="`seq` of the message; null: it is about the room.")
    note: str = Field(description="May be empty.", examples=["answer this"])
    due_at: datetime = Field(description="When it fires, by the clock of the database.")
    fired_at: datetime | None = Field(description="When it has fired; null: not yet.")


class AddReminder(RequestModel):
    """A reminder of a room, or of a message in it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "room": "0193a4d3-1f42-7a90-a1b2-3c4d5e6f7081",
                    "seq": 5,
                    "note": "answer this",
                    "due_at": "2026-12-01T08:00:00Z",
                }
            ]
        }
    )

    room: CanonicalUuid = Field(description="The room's id.")
    seq: Seq | None = Field(None, description="`seq` of the message.")
    note: Note = Field("", description="For the caller alone.")
    due_at: Instant = Field(description="When it fires; at once if that is in the past.")


class UpdateReminder(RequestModel):
    """What to change; absent or null: it stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "answer this"}]})

    note: Note | None = Field(None, description="The note instead.")
    due_at: Instant | None = Field(None, description="When it fires instead.")
