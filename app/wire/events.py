"""The events of rooms, as the log stores them and clients receive them: a closed union.

Every durable change of a room is one event with the room's next `seq`. The same bytes go to every
socket and come out of GET /rooms/{id}/events. To add an event, add its class, its name to `Event`
and its row to `EVENT_SPECS`; mypy and the tests then name every place that has to know of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Annotated, Any, Generic, Literal, TypeGuard, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from app.wire.content import Content, Forwarded, optional_field
from app.wire.domain import LenientKind, LenientRole
from app.wire.message_parts import (
    Deletion,
    Edit,
    Pin,
    ReactionCount,
    RoomMention,
    StoredModel,
    ThreadLock,
    ThreadSummary,
    WireModel,
)
from app.wire.overrides import OverrideOut
from app.wire.polls import Poll
from app.wire.room_settings import RoomSettings
from app.wire.seq import Seq


class Message(Content, WireModel):
    """A message as it is now."""

    seq: Seq = Field(description="Its position in the room's log; identifies it within the room.")
    sender: UUID = Field(description="The user who sent it.")
    at: datetime = Field(description="RFC 3339, UTC, microseconds. Order by `seq`, not by this.")
    nonce: str = Field(
        description="The idempotency key of the send; unique per room and sender.",
        examples=["01JB8Z3J6Q"],
    )
    mentions: list[UUID] | None = optional_field("The members that its text names.")
    room_mentions: list[RoomMention] | None = optional_field(
        "Those that its text mentions at once: all members, those online, user groups."
    )
    edit: Edit | None = optional_field("Present if it was edited.")
    deletion: Deletion | None = optional_field("Present if it was deleted.")
    reactions: list[ReactionCount] | None = optional_field(
        "By emoji, in the order of their first use. Absent: there are none."
    )
    pin: Pin | None = optional_field("Present if it is pinned.")
    thread_summary: ThreadSummary | None = optional_field("Present if its thread has replies.")
    thread_lock: ThreadLock | None = optional_field("Present if its thread is locked.")
    forwarded: Forwarded | None = optional_field(
        "Present if another message was forwarded with this one, whose own text may be empty then."
    )
    expires_at: datetime | None = optional_field("Present if it disappears; then it is deleted.")
    poll: Poll | None = optional_field("Present if it is a poll; its text is the question.")

    @property
    def version(self) -> int:
        return self.edit.version if self.edit else 1


class MemberRef(StoredModel):
    """A member and their role."""

    user: UUID = Field(description="The user's id.")
    role: LenientRole


class RoomDetails(StoredModel):
    """Name, topic, kind and settings of a room."""

    kind: LenientKind
    name: str | None = Field(
        description="A direct room has none; a group may have none.", examples=["General"]
    )
    topic: str = Field(description="May be empty.", examples=["Hello"])
    archived: bool = Field(False, description="The room is read-only.")
    settings: RoomSettings | None = optional_field("Absent: all have their defaults.")


# No other type may end a membership: a process of an older release does not know the type and would
# keep the member's sockets subscribed. Only `member.left` and `member.removed` end one, and
# `room.deleted` all of them: nothing follows it that a socket could be sent.
class RoomEvent(StoredModel):
    """The fields of every event. Releases add types: an event of a type that the reader does not
    know has more fields, and its `seq` counts like any other."""

    type: str = Field(description="The type of the event.")
    room: UUID = Field(description="The room's id.")
    seq: Seq
    actor: UUID = Field(description="The user who did it.")
    at: datetime = Field(description="When, RFC 3339 in UTC. Order by `seq`, not by this.")


class MemberEvent(RoomEvent):
    """An event about one member."""

    member: MemberRef


class MessageEvent(RoomEvent):
    """An event about one message, with the message as it is now: the log has a reference to it."""

    message: Message


class RoomCreated(RoomEvent):
    """The room was created; always `seq` 1."""

    type: Literal["room.created"] = "room.created"
    details: RoomDetails


class RoomChanged(RoomEvent):
    """The room was renamed, archived or restored, or has a new topic."""

    type: Literal["room.changed"] = "room.changed"
    details: RoomDetails


class RoomDeleted(RoomEvent):
    """The room was deleted: the last event of its log, which is deleted soon after."""

    type: Literal["room.deleted"] = "room.deleted"


class MemberJoined(MemberEvent):
    """A user joined, or was added by `actor`."""

    type: Literal["member.joined"] = "member.joined"


class MemberLeft(MemberEvent):
    """A member left."""

    type: Literal["member.left"] = "member.left"


class MemberRemoved(MemberEvent):
    """A member was removed by `actor`; the last event that the member sees."""

    type: Literal["member.removed"] = "member.removed"


class MemberRoleChanged(MemberEvent):
    """A member has a new role."""

    type: Literal["member.role_changed"] = "member.role_changed"


class MemberTimeout(MemberEvent):
    """A member may read, but not write until a time; or may write again."""

    type: Literal["member.timed_out"] = "member.timed_out"
    until: datetime | None = Field(description="Until when; null: the time-out was lifted.")


class PermissionsChanged(RoomEvent):
    """The permissions of a role or of a person were changed in this room."""

    type: Literal["room.permissions_changed"] = "room.permissions_changed"
    override: OverrideOut


class MessageCreated(MessageEvent):
    """A message was sent."""

    type: Literal["message.created"] = "message.created"


class MessageEdited(MessageEvent):
    """Its sender has changed a message."""

    type: Literal["message.edited"] = "message.edited"


class MessagesDeleted(RoomEvent):
    """Messages were deleted by `actor`. What is left of each: sender, time, nonce, `deletion`."""

    type: Literal["messages.deleted"] = "messages.deleted"
    seqs: list[Seq] = Field(description="Their `seq`, at most 100.", examples=[[5]])


class ReactionAdded(MessageEvent):
    """`actor` has reacted to a message."""

    type: Literal["reaction.added"] = "reaction.added"
    emoji: str = Field(description="The emoji.", examples=["🎉"])


class ReactionRemoved(MessageEvent):
    """`actor` has taken a reaction back."""

    type: Literal["reaction.removed"] = "reaction.removed"
    emoji: str = Field(description="The emoji.", examples=["🎉"])


class MessagePinned(MessageEvent):
    """A message was pinned."""

    type: Literal["message.pinned"] = "message.pinned"


class MessageUnpinned(MessageEvent):
    """A message is not pinned any more."""

    type: Literal["message.unpinned"] = "message.unpinned"


class ThreadUpdated(MessageEvent):
    """A thread has one reply more, or fewer, or was locked or unlocked. `message` is its root; a
    reply has an event of its own before this one."""

    type: Literal["thread.updated"] = "thread.updated"


class PollUpdated(MessageEvent):
    """`actor` has voted in a poll, added an option to it or closed it. For a vote in an anonymous
    poll, `actor` is the sender of the poll."""

    type: Literal["poll.updated"] = "poll.updated"


class MessageHidden(RoomEvent):
    """`actor` has changed a message that the room does not show to the reader, because it was sent
    before the reader joined. Not in the log: a reader gets it in the place of the event."""

    type: Literal["message.hidden"] = "message.hidden"


Event = Annotated[
    RoomCreated
    | RoomChanged
    | RoomDeleted
    | MemberJoined
    | MemberLeft
    | MemberRemoved
    | MemberRoleChanged
    | MemberTimeout
    | PermissionsChanged
    | MessageCreated
    | MessageEdited
    | MessagesDeleted
    | ReactionAdded
    | ReactionRemoved
    | MessagePinned
    | MessageUnpinned
    | ThreadUpdated
    | PollUpdated
    | MessageHidden,
    Field(discriminator="type"),
]


# An event of a log to which a newer release may have appended.
AnyEvent = Annotated[Event | RoomEvent, Field(union_mode="left_to_right")]


class PublicationKind(IntEnum):
    """What a process has to know of a publication without parsing it. Goes over the bus: never
    renumber. `user` is that of the publication."""

    NEWER = 0  # a kind that only a newer release knows; never sent
    MESSAGE = 1  # `user` sent a message
    JOINED = 2  # `user` became a member
    LEFT = 3  # `user` left
    REMOVED = 4  # `user` was removed
    OTHER_EVENT = 5  # any other event of the log; `user` is its actor
    READ = 6  # not in the log: `user` moved their read marker when the log's head was `seq`
    SESSION_REVOKED = 7  # not in the log: the channel is the session, `user` its user
    TYPING = 8  # volatile: `user` is typing in the room, and was a member at `seq`
    PRESENCE = 9  # volatile: read the presence of the users in the payload, 16 bytes each
    PROFILE = 10  # volatile: `user`, who is also the channel, has changed their profile
    USER_EVENT = 11  # an event of the log of `user`, who is also the channel; payload: its subject
    MESSAGE_CHANGED = 12  # `user` changed messages
    MEMBER_CHANGED = 13  # the permissions of `user`, who is a member
    ROOM_CHANGED = 14  # what decides the permissions of all members; `user` is its actor
    VISIBILITY = 15  # volatile: who may see the presence of `user`, who is also the channel
    ROOM_DELETED = 16  # the room ends for all of its members; `user` is its actor


Membership = Literal["joined", "left", "removed"]
E = TypeVar("E", bound=RoomEvent)


def _actor(event: RoomEvent) -> UUID:
    return event.actor


def _member(event: MemberEvent) -> UUID:
    return event.member.user


def event_type(cls: type[RoomEvent]) -> str:
    name: str = cls.model_fields["type"].default
    return name


@dataclass(frozen=True, slots=True)
class EventSpec(Generic[E]):
    """What the server does with the events of one class.

    `user` is the user that the publication names. `membership` is what happened to this user.
    `counts` says that the event may change the unread counts of members. Processes know both by the
    kind: specs that share a kind share them.
    """

    cls: type[E]
    publication_kind: PublicationKind = PublicationKind.OTHER_EVENT
    user: Callable[[E], UUID] = _actor
    membership: Membership | None = None
    counts: bool = False

    @property
    def type(self) -> str:
        return event_type(self.cls)


# Without an annotation, so that mypy compares each `cls` with its `user`.
_SPECS = (
    EventSpec(RoomCreated),
    EventSpec(RoomChanged, PublicationKind.ROOM_CHANGED),
    EventSpec(RoomDeleted, PublicationKind.ROOM_DELETED),
    EventSpec(MemberJoined, PublicationKind.JOINED, _member, membership="joined"),
    EventSpec(MemberLeft, PublicationKind.LEFT, _member, membership="left"),
    EventSpec(MemberRemoved, PublicationKind.REMOVED, _member, membership="removed"),
    EventSpec(MemberRoleChanged, PublicationKind.MEMBER_CHANGED, _member),
    EventSpec(MemberTimeout, PublicationKind.MEMBER_CHANGED, _member),
    EventSpec(PermissionsChanged, PublicationKind.ROOM_CHANGED),
    EventSpec(MessageCreated, PublicationKind.MESSAGE, counts=True),
    EventSpec(MessageEdited, PublicationKind.MESSAGE_CHANGED, counts=True),
    EventSpec(MessagesDeleted, PublicationKind.MESSAGE_CHANGED, counts=True),
    EventSpec(ReactionAdded, PublicationKind.MESSAGE_CHANGED, counts=True),
    EventSpec(ReactionRemoved, PublicationKind.MESSAGE_CHANGED, counts=True),
    EventSpec(MessagePinned, PublicationKind.MESSAGE_CHANGED, counts=True),
    EventSpec(MessageUnpinned, PublicationKind.MESSAGE_CHANGED, counts=True),
    EventSpec(ThreadUpdated, PublicationKind.MESSAGE_CHANGED, counts=True),
    EventSpec(PollUpdated, PublicationKind.MESSAGE_CHANGED, counts=True),
    EventSpec(MessageHidden),
)
EVENT_SPECS: tuple[EventSpec[Any], ...] = _SPECS
_BY_CLASS: dict[type[RoomEvent], EventSpec[Any]] = {spec.cls: spec for spec in EVENT_SPECS}
OF_A_NEWER_RELEASE: EventSpec[Any] = EventSpec(RoomEvent)
MESSAGE_HIDDEN = event_type(MessageHidden)

# What processes know by the kind alone.
COUNTED_KINDS = frozenset(spec.publication_kind for spec in EVENT_SPECS if spec.counts)
MEMBERSHIP_KINDS = frozenset(spec.publication_kind for spec in EVENT_SPECS if spec.membership)
CLOSE_REASONS: dict[PublicationKind, Literal["left", "removed"]] = {
    spec.publication_kind: spec.membership
    for spec in EVENT_SPECS
    if spec.membership and spec.membership != "joined"
} | {PublicationKind.ROOM_DELETED: "removed"}


def event_spec(event: RoomEvent) -> EventSpec[Any]:
    return _BY_CLASS.get(type(event), OF_A_NEWER_RELEASE)


def is_known(event: RoomEvent) -> TypeGuard[Event]:
    """Whether this release defines the event's type, so that it is more than its envelope."""
    return type(event) in _BY_CLASS


def encode(event: BaseModel) -> bytes:
    """The event's JSON, UTF-8, as sockets and HTTP carry it."""
    return event.__pydantic_serializer__.to_json(event)


class ReadMarker(WireModel):
    """A member's read marker moved. Not in the log."""

    type: Literal["read"] = "read"
    room: UUID = Field(description="The room's id.")
    user: UUID = Field(description="The member whose marker it is.")
    seq: Seq = Field(description="The member has read everything up to this `seq`.")
