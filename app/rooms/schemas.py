"""Wire shapes of rooms."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool, model_validator

from app.core.events import ReadKind, ReadRole, Role, RoomKind, Seq
from app.core.fields import MAX_ITEMS, Input, Title, Topic, Uuid
from app.users.schemas import UserOut

Users = Annotated[list[Uuid], Field(max_length=MAX_ITEMS, description="User ids.")]


_EACH_KIND_NEEDS: list[JsonValue] = [
    {
        "if": {"properties": {"kind": {"enum": ["public", "private"]}}},
        "then": {"required": ["name"], "properties": {"name": {"type": "string"}}},
    },
    {
        "if": {"properties": {"kind": {"const": "direct"}}},
        "then": {
            "required": ["members"],
            "properties": {
                "members": {"minItems": 1, "maxItems": 1},
                "name": {"type": "null"},
                "topic": {"const": ""},
            },
        },
    },
]


class CreateRoom(Input):
    """Public and private rooms have a name; a direct room has exactly one other member."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "public", "name": "General", "topic": "Hello"}],
            "allOf": _EACH_KIND_NEEDS,
        }
    )

    kind: RoomKind
    name: Title | None = None
    topic: Topic = ""
    members: Users = Field(default_factory=list)

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


class UpdateRoom(Input):
    """Absent fields stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"topic": "What we talk about"}]})

    name: Title | None = Field(None, description="null leaves it as it is.")
    topic: Topic | None = None
    archived: StrictBool | None = None


class AddMembers(Input):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"users": ["0193a4d2-7c51-7f04-8a3e-5b1c2d3e4f50"]}]}
    )

    users: Annotated[list[Uuid], Field(min_length=1, max_length=MAX_ITEMS)]


class UpdateMember(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "admin"}]})

    role: Role


class RoomState(BaseModel):
    """A room as the caller sees it. The last four are null where the caller is no member."""

    kind: ReadKind
    name: str | None
    topic: str
    archived: bool
    seq: Seq = Field(description="Of the newest event in the room's log.")
    users: list[UUID] | None = Field(None, description="Direct rooms: who they are between.")
    role: ReadRole | None = None
    read_seq: Seq | None = Field(None, description="The caller's read marker.")
    unread: int | None = Field(None, description="Messages of others after the read marker.")
    mentions: int | None = Field(None, description="Those among them that name the caller.")


class RoomOut(RoomState):
    id: UUID
    created_at: datetime


class MemberOut(BaseModel):
    user: UserOut
    role: ReadRole
    joined_at: datetime
    read_seq: Seq


class PublicRoom(BaseModel):
    id: UUID
    kind: Literal[RoomKind.PUBLIC] = RoomKind.PUBLIC
    name: str
    topic: str
    seq: Seq
    created_at: datetime
