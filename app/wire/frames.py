"""`chat.v1`: frames in, frames out, close codes. Bytes and types only, no I/O.

One JSON object per text message; `type` discriminates. The server refuses fields that it does not
know; clients ignore those. docs/protocol.md describes every member of the unions below.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from app.wire.content import NewContent
from app.wire.domain import PresenceState
from app.wire.errors import BadFrame, ChatError, ErrorCode, Invalid, Retry, TooLarge, UnknownType
from app.wire.events import Event, ReadMarker
from app.wire.json_text import find_id, has_duplicate_names, has_many_values, is_deep
from app.wire.schemas.rooms import RoomState
from app.wire.schemas.users import UserOut
from app.wire.seq import MAX_SEQ, Seq
from app.wire.validation import CanonicalUuid, InvalidField, Nonce, RequestModel, invalid

SUBPROTOCOL = "chat.v1"
# Of one frame; the largest `hello` has 3,000. Each may be an error.
MAX_VALUES = 4000
# Beyond this they are counted, not named: pydantic makes objects of all or of none.
MAX_ERRORS = 100

FrameId = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=32)]
    | Annotated[int, Field(ge=-MAX_SEQ, le=MAX_SEQ)],
    Field(description="Repeated in the answer."),
]


# Frames of clients.


class ClientBase(RequestModel):
    id: FrameId | None = None


class Position(RequestModel):
    room: CanonicalUuid
    since: Seq | None = Field(None, description="The client's last seq; absent: start at the head.")


Positions = Annotated[list[Position], Field(max_length=1000)]


class Hello(ClientBase):
    type: Literal["hello"] = "hello"
    token: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    client: Annotated[str, StringConstraints(max_length=100)] = ""
    rooms: Positions = Field(default_factory=list)
    snapshot: str | None = Field(
        None, description="Of the last `rooms` frame; the answer then has what changed since."
    )


class Open(ClientBase):
    type: Literal["open"] = "open"
    rooms: Annotated[list[Position], Field(min_length=1, max_length=100)]


class Close(ClientBase):
    type: Literal["close"] = "close"
    rooms: Annotated[list[CanonicalUuid], Field(min_length=1, max_length=100)]


class SendMessage(NewContent, ClientBase):
    type: Literal["message.send"] = "message.send"
    room: CanonicalUuid
    nonce: Nonce


class MarkRead(ClientBase):
    type: Literal["read"] = "read"
    room: CanonicalUuid
    seq: Seq


class Watch(ClientBase):
    type: Literal["watch"] = "watch"
    users: Annotated[list[CanonicalUuid], Field(max_length=1000)] = Field(
        description="In place of those that were watched before."
    )


class Typing(ClientBase):
    type: Literal["typing"] = "typing"
    room: CanonicalUuid


class Pong(ClientBase):
    type: Literal["pong"] = "pong"
    n: Annotated[int, Field(ge=0, le=MAX_SEQ)]


ClientFrame = Annotated[
    Hello | Open | Close | SendMessage | MarkRead | Watch | Typing | Pong,
    Field(discriminator="type"),
]


# Frames of the server. Its events are those of wire/events.py.


class ServerLimits(BaseModel):
    hello_bytes: int
    frame_bytes: int
    text_chars: int
    json_depth: int
    frames_per_minute: float
    frames_burst: int
    sends_per_second: float
    sends_burst: int
    writes_per_minute: float
    writes_burst: int
    reads_per_minute: float
    reads_burst: int
    open_rooms: int
    watched_users: int
    typing_every_s: float
    sockets_per_user: int
    catchup_room: int
    catchup_hello: int
    buffer_bytes: int


class Welcome(BaseModel):
    type: Literal["welcome"] = "welcome"
    id: FrameId | None = None
    session: UUID
    user: UserOut
    heartbeat_ms: int
    limits: ServerLimits
    expires_at: datetime


class RoomEntry(RoomState):
    room: UUID


class RoomList(BaseModel):
    """`full`: forget all other rooms. Else those that are not in it are as they were, and those in
    `gone` are the user's no more."""

    type: Literal["rooms"] = "rooms"
    full: bool = True
    rooms: list[RoomEntry]
    gone: list[UUID] = Field(default_factory=list)
    snapshot: str | None = Field(None, description="For the next hello; in the last of them.")


class RoomOpened(BaseModel):
    """What follows: with `ok` the events after `from`, with `limited` those after `resume`, then
    the live ones. `reset`: drop what is kept of the room, it is not of this log."""

    type: Literal["room.opened"] = "room.opened"
    id: FrameId | None = None
    room: UUID
    from_: Seq = Field(alias="from")
    seq: Seq
    state: Literal["ok", "limited", "reset"]
    resume: Seq | None = None


class RoomClosed(BaseModel):
    type: Literal["room.closed"] = "room.closed"
    id: FrameId | None = None
    room: UUID
    reason: Literal["closed", "left", "removed"]
    seq: Seq | None = None


class RoomBump(BaseModel):
    room: UUID
    seq: Seq
    read_seq: Seq
    unread: int
    mentions: int


class RoomBumped(BaseModel):
    type: Literal["room.bumped"] = "room.bumped"
    rooms: list[RoomBump]


class Ack(BaseModel):
    """Committed. It never moves a receive position: only events do."""

    type: Literal["ack"] = "ack"
    id: FrameId | None = None
    room: UUID
    seq: Seq
    at: datetime | None = None
    duplicate: bool = False


class UserPresence(BaseModel):
    user: UUID
    state: PresenceState


class Presence(BaseModel):
    """With the `id` of a `watch`: everybody on its list. Without: those whose state is new."""

    type: Literal["presence"] = "presence"
    id: FrameId | None = None
    users: list[UserPresence]


class TypingUsers(BaseModel):
    """Those who write in the room, in place of the last such frame; void after `ttl_ms`."""

    type: Literal["typing"] = "typing"
    room: UUID
    users: list[UUID]
    ttl_ms: int


class Head(BaseModel):
    room: UUID
    seq: Seq


class Ping(BaseModel):
    type: Literal["ping"] = "ping"
    n: int
    heads: list[Head]


class Draining(BaseModel):
    """The process is about to end: open another socket in so many milliseconds, resume there, and
    then close this one."""

    type: Literal["draining"] = "draining"
    in_ms: int


class ErrorFrame(BaseModel):
    type: Literal["error"] = "error"
    id: FrameId | None = None
    code: ErrorCode
    retry: Retry
    retry_after_ms: int | None = None
    detail: str
    room: UUID | None = None
    errors: list[InvalidField] | None = None


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

_FRAME_ID: TypeAdapter[FrameId | None] = TypeAdapter(FrameId | None)
_CLIENT: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)
AnyServerFrame: TypeAdapter[Any] = TypeAdapter(ServerFrame | Event)


class RefusedFrame(Exception):
    """A frame that cannot be executed, with the id to answer under."""

    def __init__(self, error: ChatError, frame_id: str | int | None) -> None:
        super().__init__(error.detail)
        self.error, self.frame_id = error, frame_id


def parse(text: str, *, max_bytes: int, max_depth: int) -> Any:
    """The client frame in a text message, one of `ClientFrame`. Raises RefusedFrame."""
    if len(text) > max_bytes or len(text.encode()) > max_bytes:
        raise RefusedFrame(
            TooLarge(f"A frame has at most {max_bytes} bytes. Send less at once."), id_of(text)
        )
    if has_many_values(text, MAX_VALUES):
        raise RefusedFrame(BadFrame(f"A frame has at most {MAX_VALUES} values."), id_of(text))
    if is_deep(text, max_depth):
        raise RefusedFrame(BadFrame(f"JSON is nested at most {max_depth} deep here."), id_of(text))
    try:
        frame = _CLIENT.validate_json(text, strict=True)
    except ValidationError as error:
        raise RefusedFrame(_explain(error), id_of(text)) from None
    if _has_a_name_twice(text, frame):
        raise RefusedFrame(BadFrame("A frame has each name once in an object."), id_of(text))
    return frame


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


def _explain(error: ValidationError) -> ChatError:
    if error.error_count() > MAX_ERRORS:
        return Invalid(f"More than {MAX_ERRORS} values of this frame are not acceptable.")
    errors = error.errors(include_input=False, include_url=False)
    match errors[0]["type"]:
        case "json_invalid":
            return BadFrame("A frame is one JSON object; this is not JSON.")
        case "union_tag_not_found" | "model_attributes_type" | "dict_type":
            return BadFrame("A frame is one JSON object with a `type`.")
        case "union_tag_invalid":
            return UnknownType("Clients send no frame of this `type`. docs/protocol.md lists them.")
        case _:
            # The first part of each path is the frame's type, which the client knows.
            return invalid([e | {"loc": e["loc"][1:]} for e in errors])


def id_of(text: str) -> str | int | None:
    """The `id` of a frame that is refused, so that the client can tell which one it was."""
    try:
        return _FRAME_ID.validate_python(find_id(text))
    except ValidationError:
        return None


def _has_a_name_twice(text: str, frame: BaseModel) -> bool:
    """Most frames are flat, have no escapes, and have nothing that looks like one of their names:
    there counting is enough."""
    is_plain = not isinstance(frame, Hello | Open) and "\\" not in text
    if is_plain and all(text.count(f'"{name}"') == 1 for name in frame.model_fields_set):
        return False
    return has_duplicate_names(text)
