"""What can happen: the closed union of events, which is also what clients see.

Every durable change of a room is one event with the room's next `seq`. The same bytes go to every
socket and come out of GET /rooms/{id}/events. To add an event, add its class here and its name to
`Event`; mypy and the tests then name every place that has to know of it.
"""

from datetime import datetime
from enum import IntEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.wire.content import Content
from app.wire.domain import ReadKind, ReadRole
from app.wire.seq import Seq


class WireModel(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class StoredModel(WireModel):
    """Kept as JSON: fields that only a newer release knows are passed on as they are."""

    model_config = ConfigDict(extra="allow")


class Message(Content, WireModel):
    """A message as it is now."""

    seq: Seq = Field(description="Its place in the room's log, and its name within the room.")
    sender: UUID
    at: datetime = Field(description="RFC 3339, UTC, microseconds. Order by `seq`, not by this.")
    nonce: str = Field(
        description="What the sender called it; unique per room and sender.",
        examples=["01JB8Z3J6Q"],
    )


class MemberRef(StoredModel):
    """Who is a member, and as what."""

    user: UUID
    role: ReadRole


class RoomDetails(StoredModel):
    """What a room is called and what it is."""

    kind: ReadKind
    name: str | None = Field(examples=["General"])
    topic: str = Field(examples=["Hello"])
    archived: bool = False


# A type that takes somebody out of a room cannot be added: a release that does not know it would
# not put them out. Who goes, goes with `member.left` or `member.removed`.
class RoomEvent(StoredModel):
    """The envelope: every event has these. Releases add types: an event of a type that the reader
    does not know counts like any other, and says more than this."""

    type: str
    room: UUID
    seq: Seq
    actor: UUID = Field(description="The user who did it.")
    at: datetime


class RoomCreated(RoomEvent):
    """The first event of a room."""

    type: Literal["room.created"] = "room.created"
    details: RoomDetails


class RoomChanged(RoomEvent):
    """Name, topic, or archived or restored: the details as they are from here on."""

    type: Literal["room.changed"] = "room.changed"
    details: RoomDetails


class MemberJoined(RoomEvent):
    """`actor` is the member, or who added the member."""

    type: Literal["member.joined"] = "member.joined"
    member: MemberRef


class MemberLeft(RoomEvent):
    """The member went by choice."""

    type: Literal["member.left"] = "member.left"
    member: MemberRef


class MemberRemoved(RoomEvent):
    """The last event of this room that the member sees."""

    type: Literal["member.removed"] = "member.removed"
    member: MemberRef


class MemberRoleChanged(RoomEvent):
    """The member's new role."""

    type: Literal["member.role_changed"] = "member.role_changed"
    member: MemberRef


class MessageCreated(RoomEvent):
    """Somebody has written."""

    type: Literal["message.created"] = "message.created"
    message: Message


Event = Annotated[
    RoomCreated
    | RoomChanged
    | MemberJoined
    | MemberLeft
    | MemberRemoved
    | MemberRoleChanged
    | MessageCreated,
    Field(discriminator="type"),
]


# Of a log that a newer release may have written into.
AnyEvent = Annotated[Event | RoomEvent, Field(union_mode="left_to_right")]


class PublicationKind(IntEnum):
    """What a process has to know of an announcement without parsing it. Goes over the bus: never
    renumber."""

    NEWER = 0  # one that only a newer release knows; never sent
    MESSAGE = 1  # subject: the sender
    JOINED = 2  # subject: who came in
    LEFT = 3  # subject: who went
    REMOVED = 4  # subject: who was removed
    ROOM = 5  # anything else in the log
    READ = 6  # signal, not in the log: subject's marker moved when the log reached up to seq
    SESSION_REVOKED = 7  # signal: topic is the session, subject its user
    TYPING = 8  # whispered: subject writes in the room, known to be a member at seq
    PRESENCE = 9  # whispered: look again at the users whose ids are the frame, 16 bytes each


def encode(event: BaseModel) -> bytes:
    """The event's JSON, UTF-8, as sockets and HTTP carry it."""
    return event.__pydantic_serializer__.to_json(event)


class ReadMarker(WireModel):
    """A signal, not in the log: `user` has read the room up to `seq`."""

    type: Literal["read"] = "read"
    room: UUID
    user: UUID
    seq: Seq
