"""Wire shapes of rooms."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool, model_validator

from app.wire.content import optional_field
from app.wire.domain import LenientKind, LenientRole, Role, RoomKind
from app.wire.room_settings import RoomSettings, UpdateRoomSettings
from app.wire.schemas.users import UserOut
from app.wire.seq import Seq
from app.wire.validation import (
    MAX_ITEMS,
    CanonicalUuid,
    RequestModel,
    ResponseModel,
    RoomName,
    Topic,
)

Users = Annotated[list[CanonicalUuid], Field(max_length=MAX_ITEMS)]


class CreateRoom(RequestModel):
    """What a room needs depends on its `kind`; a refusal (`invalid`) says what is missing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "public", "name": "General", "topic": "Hello"}],
        }
    )

    kind: RoomKind
    name: RoomName | None = Field(
        None, description="Needed by public and private rooms; a direct room has none."
    )
    topic: Topic = Field("", description="A direct room has none.")
    members: Users = Field(
        default_factory=list,
        description="User ids, without the caller. A direct room has exactly one.",
    )

    @model_validator(mode="after")
    def fits_its_kind(self) -> Self:
        if self.kind in (RoomKind.PUBLIC, RoomKind.PRIVATE) and self.name is None:
            raise ValueError(f"a {self.kind} room needs a name")
        if self.kind is RoomKind.DIRECT:
            if len(self.members) != 1:
                raise ValueError("a direct room has exactly one other member")
            if self.name is not None or self.topic:
                raise ValueError("a direct room has no name and no topic")
        return self


class UpdateRoom(RequestModel):
    """Absent fields stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"topic": "What we talk about"}]})

    name: RoomName | None = Field(None, description="null leaves it as it is.")
    topic: Topic | None = None
    archived: StrictBool | None = None
    settings: UpdateRoomSettings | None = None


class DeleteRoom(RequestModel):
    """What is deleted cannot be restored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"confirmation": "General", "reason": "Not used any more"}]}
    )

    confirmation: Topic = Field(
        description="The name of the room; of a room without a name, its id."
    )
    reason: Topic = Field("", description="For the audit log of the server.")


class AddMembers(RequestModel):
    """Users who are to be members."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"users": ["0193a4d2-7c51-7f04-8a3e-5b1c2d3e4f50"]}]}
    )

    users: Annotated[
        list[CanonicalUuid], Field(min_length=1, max_length=MAX_ITEMS, description="User ids.")
    ]


class UpdateMember(RequestModel):
    """What a member may do in the room."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "moderator"}]})

    role: Role


class TransferRoom(RequestModel):
    """Who is to own the room."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user": "0193a4d2-7c51-7f04-8a3e-5b1c2d3e4f50"}]}
    )

    user: CanonicalUuid = Field(description="The id of a member.")


UnreadCount = Annotated[
    int,
    Field(
        description="Messages of others after the read marker. It is exact up to `max_unread` of "
        "the server's limits (999); one more than that stands for all greater numbers.",
        examples=[3],
    ),
]
MentionCount = Annotated[
    int,
    Field(description="Those among them that mention the user, counted likewise.", examples=[1]),
]


class LastMessage(ResponseModel):
    """The newest message of a room, to show in a list."""

    seq: Seq
    sender: UUID = Field(description="The user who sent it.")
    at: datetime = Field(description="RFC 3339, UTC, microseconds. Order by `seq`, not by this.")
    text: str = Field(description="Its first 200 characters.", examples=["Hello 👋"])


class RoomState(ResponseModel):
    """A room as the caller sees it. From `role` on, what concerns the caller's membership is null
    where the caller is no member."""

    kind: LenientKind
    name: str | None = Field(
        description="A direct room has none; a group may have none.", examples=["General"]
    )
    topic: str = Field(description="May be empty.", examples=["Hello"])
    archived: bool = Field(description="The room is read-only.")
    seq: Seq = Field(description="Of the newest event in the room's log.")
    settings: RoomSettings | None = optional_field("Absent: all have their defaults.")
    users: list[UUID] | None = Field(
        None, description="Direct rooms: who they are between.", examples=[None]
    )
    role: LenientRole | None = None
    permissions: list[str] | None = optional_field(
        "What the caller may do in the room now; see docs/protocol.md. Later releases add names. "
        "Absent: nothing.",
        examples=[["read", "send", "react", "leave"]],
    )
    timed_out_until: datetime | None = optional_field(
        "Present while the caller may read, but not write. The permissions come back at that time, "
        "without an event."
    )
    read_seq: Seq | None = Field(None, description="The caller's read marker.")
    unread: UnreadCount | None = None
    mentions: MentionCount | None = None
    unread_threads: int | None = optional_field(
        "Threads of this room that the caller follows and that have replies after the caller's "
        "marker in them, counted likewise. Absent: none.",
        examples=[1],
    )
    last_message: LastMessage | None = Field(None, description="Null if there is none.")


class RoomOut(RoomState):
    """A room as the caller sees it. What concerns the caller's membership is null without one."""

    id: UUID
    created_at: datetime


class MemberOut(ResponseModel):
    """A member of a room."""

    user: UserOut
    role: LenientRole
    joined_at: datetime
    read_seq: Seq | None = Field(description="Their read marker; null: it is not shown.")


class PublicRoom(ResponseModel):
    """A room that anybody may read and join."""

    id: UUID
    kind: Literal[RoomKind.PUBLIC] = RoomKind.PUBLIC
    name: str = Field(examples=["General"])
    topic: str = Field(examples=["Hello"])
    seq: Seq
    created_at: datetime
