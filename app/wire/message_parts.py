"""The parts of a message that come after it was sent, and the base of what the log stores."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.wire.content import optional_field
from app.wire.domain import MentionKind
from app.wire.seq import Seq


class WireModel(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class StoredModel(WireModel):
    """Stored as JSON. Fields that only a newer release knows are passed on as they are."""

    model_config = ConfigDict(extra="allow")


class Edit(WireModel):
    """The last edit of a message."""

    version: int = Field(description="Of the message: 1 as it was sent, 2 after the first edit.")
    at: datetime = Field(description="When, RFC 3339 in UTC.")


class Deletion(WireModel):
    """A message was deleted: its text and all that belonged to it are gone."""

    by: UUID = Field(description="The user who deleted it.")
    at: datetime = Field(description="When, RFC 3339 in UTC.")


class ReactionCount(WireModel):
    """Who reacted to a message with one emoji."""

    emoji: str = Field(description="The emoji.", examples=["🎉"])
    count: int = Field(description="How many users.", examples=[3])
    users: list[UUID] = Field(description="Up to five of them.")


class Pin(WireModel):
    """A message is pinned in its room."""

    by: UUID = Field(description="The user who pinned it.")
    at: datetime = Field(description="When, RFC 3339 in UTC.")


class ThreadLock(WireModel):
    """A thread takes no more replies, but those of moderators."""

    by: UUID = Field(description="The user who locked it.")
    at: datetime = Field(description="When, RFC 3339 in UTC.")


class RoomMention(WireModel):
    """A mention of several users at once."""

    kind: MentionKind
    group: UUID | None = optional_field("Of `group`: its id.")


class ThreadSummary(WireModel):
    """The replies in the thread of a message, without those that were deleted."""

    replies: int = Field(description="How many.", examples=[3])
    last_seq: Seq = Field(description="`seq` of the newest one.", examples=[1207])
    last_at: datetime = Field(description="When that one was sent, RFC 3339 in UTC.")
    users: list[UUID] = Field(description="Up to five who replied, the last one first.")
