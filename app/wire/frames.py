"""The frames of `chat.v1`, the WebSocket protocol. Types and bytes only, no I/O.

A frame is one JSON object in a text message; `type` discriminates. The server refuses fields that
it does not know; clients ignore them. Docstrings and descriptions are public: /asyncapi.json and
the tables of docs/protocol.md are made from them.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    StringConstraints,
    TypeAdapter,
)
from pydantic_core import CoreSchema

from app.wire.content import NewContent
from app.wire.domain import PresenceState
from app.wire.errors import ChatError, ErrorCode, Invalid, Retry
from app.wire.events import Event, ReadMarker
from app.wire.schemas.limits import ServerLimits
from app.wire.schemas.rooms import RoomState
from app.wire.schemas.users import UserOut
from app.wire.seq import MAX_SEQ, Seq
from app.wire.validation import (
    CanonicalUuid,
    InvalidField,
    Nonce,
    RequestModel,
    ResponseModel,
)

SUBPROTOCOL = "chat.v1"


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


# Frames of clients.


class ClientFrameBase(RequestModel):
    id: FrameId | None = None


class RoomPosition(RequestModel):
    """A room to open, and the client's position in its log."""

    room: RoomId
    since: Seq | None = Field(
        None,
        description="The `seq` of the last event that the client has. Absent: open at the head.",
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
    Hello | Open | Close | SendMessage | MarkRead | SubscribePresence | Typing | Pong,
    Field(discriminator="type"),
]


# Frames of the server. Its events are those of wire/events.py.


class Welcome(ResponseModel):
    """The `hello` was accepted: the session, the user and the limits."""

    type: Literal["welcome"] = "welcome"
    id: FrameId | None = None
    session: UUID = Field(description="The session's id.")
    user: UserOut = Field(description="The user whose token it was.")
    heartbeat_ms: int = Field(
        description="Milliseconds of silence after which the server sends a `ping`.",
        examples=[25000],
    )
    limits: ServerLimits = Field(description="The limits of this socket.")
    expires_at: datetime = Field(
        description="When the session expires unless it is renewed. A renewal keeps the socket and "
        "is not announced."
    )


class RoomEntry(RoomState):
    """A room of the user."""

    room: UUID = Field(description="The room's id.")


class RoomList(ResponseModel):
    """The user's rooms with exact counts, or those that have changed since a snapshot. Many rooms
    come in several frames."""

    type: Literal["rooms"] = "rooms"
    full: bool = Field(
        True, description="Forget all other rooms. Otherwise they are as they were before."
    )
    rooms: list[RoomEntry] = Field(description="Rooms of the user.")
    gone: list[UUID] = Field(
        default_factory=list, description="Rooms that the user is no longer a member of."
    )
    snapshot: str | None = Field(
        None, description="For the next `hello`. Only the last frame has it."
    )


class RoomOpened(ResponseModel):
    """A room is open on this socket. The events that were missed follow, then live ones."""

    type: Literal["room.opened"] = "room.opened"
    id: FrameId | None = None
    room: UUID = Field(description="The room's id.")
    from_: Seq = Field(alias="from", description="The position that the client sent, or the head.")
    seq: Seq = Field(description="The head of the log.")
    state: Literal["ok", "limited", "reset"] = Field(
        description="`ok`: the events after `from` follow. `limited`: only those after `resume`; "
        "the client reads the others over HTTP. `reset`: the position is not of this log; the "
        "client drops what it has of the room, and live events follow."
    )
    resume: Seq | None = Field(None, description="With `limited`: where the events begin.")


class RoomClosed(ResponseModel):
    """No more events of the room come on this socket."""

    type: Literal["room.closed"] = "room.closed"
    id: FrameId | None = None
    room: UUID = Field(description="The room's id.")
    reason: Literal["closed", "left", "removed"] = Field(
        description="The client has closed it, or the user has left or was removed."
    )
    seq: Seq | None = Field(None, description="`seq` of the event that ended the membership.")


class RoomBadge(ResponseModel):
    """The counts of a room."""

    room: UUID = Field(description="The room's id.")
    seq: Seq = Field(description="The head of the log.")
    read_seq: Seq = Field(description="The user's read marker.")
    unread: int = Field(description="Messages of others after the read marker.", examples=[3])
    mentions: int = Field(description="Those among them that mention the user.", examples=[1])


class RoomBumped(ResponseModel):
    """New counts of rooms that are not open on this socket, of rooms that are new, and of rooms
    whose read marker has moved."""

    type: Literal["room.bumped"] = "room.bumped"
    rooms: list[RoomBadge] = Field(description="The counts, by room.")


class Ack(ResponseModel):
    """A `message.send` or `read` is committed. It does not move the client's position in the log:
    only events do."""

    type: Literal["ack"] = "ack"
    id: FrameId | None = None
    room: UUID = Field(description="The room's id.")
    seq: Seq = Field(description="`seq` of the message, or the position of the read marker.")
    at: datetime | None = Field(None, description="When the message was sent.")
    duplicate: bool = Field(
        False, description="The nonce was used before: `seq` is that of the first send."
    )


class UserPresence(ResponseModel):
    """The presence of a user."""

    user: UUID = Field(description="The user's id.")
    state: PresenceState = Field(
        description="`unknown`: not available now, or not visible to this user."
    )


class Presence(ResponseModel):
    """The presence of users: with the `id` of a `presence.subscribe` of all that it lists,
    otherwise of those whose state has changed."""

    type: Literal["presence"] = "presence"
    id: FrameId | None = None
    users: list[UserPresence] = Field(description="The states, by user.")


class TypingUsers(ResponseModel):
    """The users who are typing in an open room, instead of those of the last such frame."""

    type: Literal["typing"] = "typing"
    room: UUID = Field(description="The room's id.")
    users: list[UUID] = Field(description="User ids, without the user's own.")
    ttl_ms: int = Field(description="Milliseconds after which the list is void.", examples=[6000])


class RoomHead(ResponseModel):
    """How far a log reaches."""

    room: UUID = Field(description="The room's id.")
    seq: Seq = Field(description="The head of the log.")


class Ping(ResponseModel):
    """Asks for a `pong`, and says how far the logs of the open rooms reach."""

    type: Literal["ping"] = "ping"
    n: int = Field(description="Repeated in the `pong`.", examples=[1])
    heads: list[RoomHead] = Field(description="The heads of the open rooms.")


class Draining(ResponseModel):
    """The process is about to stop: the client opens another socket, resumes there and closes this
    one."""

    type: Literal["draining"] = "draining"
    in_ms: int = Field(
        description="Milliseconds to wait before that, so that not all clients move at once.",
        examples=[1500],
    )


class ErrorFrame(ResponseModel):
    """A frame was refused. The socket stays open."""

    type: Literal["error"] = "error"
    id: FrameId | None = None
    code: ErrorCode = Field(description="What is wrong; stable.")
    retry: Retry = Field(
        description="What becomes of the same frame: `never` succeeds, `now`, or `after` "
        "`retry_after_ms`."
    )
    retry_after_ms: int | None = Field(
        None, description="Milliseconds to wait before the frame is sent again."
    )
    detail: str = Field(
        description="The reason, for people.", examples=["A socket has at most 100 open rooms."]
    )
    room: UUID | None = Field(None, description="The room that the frame was about.")
    errors: list[InvalidField] | None = Field(
        None, description="The values that are not acceptable."
    )


ServerFrame = Annotated[
    Welcome
    | RoomList
    | RoomOpened
    | RoomClosed
    | RoomBumped
    | Ack
    | ReadMarker
    | Presence
    | TypingUsers
    | Ping
    | Draining
    | ErrorFrame,
    Field(discriminator="type"),
]

# The frames that answer a client's frame, instead of an `error`.
ANSWERS: dict[type[BaseModel], tuple[type[BaseModel], ...]] = {
    Hello: (Welcome, RoomList, RoomOpened),
    Open: (RoomOpened,),
    Close: (RoomClosed,),
    SendMessage: (Ack,),
    MarkRead: (Ack,),
    SubscribePresence: (Presence,),
    Typing: (),
    Pong: (),
}

AnyServerFrame: TypeAdapter[Any] = TypeAdapter(ServerFrame | Event)


def encode(frame: BaseModel) -> bytes:
    """JSON, UTF-8, without the fields that are null."""
    return frame.__pydantic_serializer__.to_json(frame, by_alias=True, exclude_none=True)


def error_frame(
    error: ChatError, frame_id: str | int | None, room: UUID | None = None
) -> ErrorFrame:
    errors = error.errors if isinstance(error, Invalid) else None
    return ErrorFrame(
        id=frame_id,
        room=room,
        code=error.code,
        retry=error.retry,
        retry_after_ms=error.retry_after_ms,
        detail=error.detail,
        errors=[InvalidField(**e) for e in errors] if errors else None,
    )
