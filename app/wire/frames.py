"""The frames of `chat.v1`, the WebSocket protocol, that the server sends, and what they answer.
Types and bytes only, no I/O.

A frame is one JSON object in a text message; `type` discriminates. Clients ignore fields that they
do not know. Docstrings and descriptions are public: /asyncapi.json and the tables of
docs/protocol.md are made from them. Events are in `events.py`, frames of clients in
`client_frames.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    Field,
    PlainSerializer,
    TypeAdapter,
)

from app.wire.client_frames import (
    AddReaction,
    Close,
    EditMessage,
    FrameId,
    GetHistory,
    Hello,
    MarkRead,
    Open,
    Pong,
    RemoveReaction,
    SendMessage,
    SubscribePresence,
    Typing,
)
from app.wire.domain import PresenceState
from app.wire.errors import ChatError, ErrorCode, Invalid, Retry
from app.wire.events import Event, ReadMarker
from app.wire.items import ItemKey
from app.wire.schemas.blocks import BlockOut
from app.wire.schemas.items import DraftOut, ReminderOut, SavedMessageValue, ScheduledOut
from app.wire.schemas.limits import ServerLimits
from app.wire.schemas.messages import MessagePage
from app.wire.schemas.notifications import NotificationsOut
from app.wire.schemas.presence import PresenceSettingsOut
from app.wire.schemas.rooms import RoomState
from app.wire.schemas.users import UserOut
from app.wire.seq import Epoch, Seq
from app.wire.validation import (
    InvalidField,
    ResponseModel,
)

SUBPROTOCOL = "chat.v1"


class Welcome(ResponseModel):
    """The `hello` was accepted: the session, the user, the epoch and the limits."""

    type: Literal["welcome"] = "welcome"
    id: FrameId | None = None
    session: UUID = Field(description="The session's id.")
    user: UserOut = Field(description="The user whose token it was.")
    epoch: Epoch = Field(
        description="The epoch of all positions on this socket. Keep it with them.",
        examples=["q3Xv0TbN2cE"],
    )
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
    """A room of the user, as it is now."""

    room: UUID = Field(description="The room's id.")


class RoomList(ResponseModel):
    """The user's rooms, or those that have changed: since a snapshot, and whenever one changes that
    is not open on this socket, or that concerns the user alone. Many rooms come in several
    frames."""

    type: Literal["rooms"] = "rooms"
    full: bool = Field(
        True, description="Forget all other rooms. Otherwise they are as they were before."
    )
    rooms: list[RoomEntry] = Field(description="Rooms of the user.")
    gone: list[UUID] = Field(
        default_factory=list, description="Rooms that the user is no longer a member of."
    )
    snapshot: str | None = Field(
        None,
        description="For the next `hello`, instead of an earlier one. Of several frames only the "
        "last has it.",
    )


class ItemHead(ResponseModel):
    """The fields of `ItemChanged` before its value."""

    type: Literal["item.changed"] = "item.changed"
    kind: str = Field(
        description="What the item is: `draft`, `saved`, `scheduled`, `reminder`, "
        "`notifications`, `presence` or `block`. Later releases add kinds.",
        examples=["draft"],
    )
    room: UUID = Field(
        description="The room's id; of `notifications`, `presence` and `block`, which are for all "
        "rooms, the user's."
    )
    seq: Seq | None = Field(
        None,
        description="Of a draft: the first message of its thread; 0: outside of threads. Of a "
        "saved message: its position in the room's log.",
    )
    id: UUID | None = Field(None, description="The item's id, where its kind has one.")


class ItemChanged(ItemHead):
    """An item of the user alone, such as a draft, has changed. Kind, room, `seq` and `id` identify
    it."""

    # Nulls are kept, as over HTTP.
    value: Annotated[
        DraftOut
        | SavedMessageValue
        | ScheduledOut
        | ReminderOut
        | NotificationsOut
        | PresenceSettingsOut
        | BlockOut
        | None,
        PlainSerializer(lambda value: value and value.model_dump(mode="json")),
    ] = Field(
        None,
        description="The item as it is now, as in the list of its kind over HTTP (a saved message "
        "without the message itself). Absent: there is none any more.",
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
        "the client reads the others over HTTP. `reset`: the position is not of this log, or of "
        "another epoch; the client drops what it has of the room, and live events follow."
    )
    resume: Seq | None = Field(None, description="With `limited`: where the events begin.")


class RoomClosed(ResponseModel):
    """No more events of the room come on this socket."""

    type: Literal["room.closed"] = "room.closed"
    id: FrameId | None = None
    room: UUID = Field(description="The room's id.")
    reason: Literal["closed", "left", "removed"] = Field(
        description="The client has closed it, or the user has left or was removed; `removed` also "
        "if the room was deleted."
    )
    seq: Seq | None = Field(None, description="`seq` of the event that ended the membership.")


class Ack(ResponseModel):
    """A change is committed. It does not move the client's position in the log: only events do."""

    type: Literal["ack"] = "ack"
    id: FrameId | None = None
    room: UUID = Field(description="The room's id.")
    seq: Seq = Field(description="`seq` of the message, or the position of the read marker.")
    at: datetime | None = Field(None, description="When the message was sent.")
    duplicate: bool = Field(
        False, description="The nonce was used before: `seq` is that of the first send."
    )


class HistoryHead(ResponseModel):
    """The fields of `History` before its page."""

    type: Literal["history"] = "history"
    id: FrameId | None = None
    room: UUID = Field(description="The room's id.")


class History(HistoryHead):
    """A page of messages. It may have fewer of them than `limit` although there are more: `before`
    and `after` of the page say how to go on."""

    # Nulls are kept, as over HTTP.
    page: Annotated[MessagePage, PlainSerializer(lambda page: page.model_dump(mode="json"))] = (
        Field(description="The same JSON as the answer to `GET /rooms/{id}/messages`.")
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


class UserChanged(ResponseModel):
    """The profile of a user who shares a room with this one, or of this user, has changed."""

    type: Literal["user.changed"] = "user.changed"
    user: UserOut


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
    | ItemChanged
    | RoomOpened
    | RoomClosed
    | Ack
    | History
    | ReadMarker
    | Presence
    | TypingUsers
    | UserChanged
    | Ping
    | Draining
    | ErrorFrame,
    Field(discriminator="type"),
]

# The frames that answer a client's frame, instead of an `error`.
ANSWERS: dict[type[BaseModel], tuple[type[BaseModel], ...]] = {
    Hello: (Welcome, RoomList, ItemChanged, RoomOpened),
    Open: (RoomOpened,),
    Close: (RoomClosed,),
    SendMessage: (Ack,),
    EditMessage: (Ack,),
    AddReaction: (Ack,),
    RemoveReaction: (Ack,),
    GetHistory: (History,),
    MarkRead: (Ack,),
    SubscribePresence: (Presence,),
    Typing: (),
    Pong: (),
}

AnyServerFrame: TypeAdapter[Any] = TypeAdapter(ServerFrame | Event)


def encode(frame: BaseModel) -> bytes:
    """JSON, UTF-8, without the fields that are null."""
    return frame.__pydantic_serializer__.to_json(frame, by_alias=True, exclude_none=True)


def encode_room_list(
    entries: Iterable[bytes], *, full: bool, gone: Sequence[UUID], snapshot: str | None
) -> bytes:
    """`encode` of a `RoomList` whose entries are JSON already."""
    rest = encode(RoomList(full=full, rooms=[], gone=list(gone), snapshot=snapshot))
    return rest.replace(b'"rooms":[]', b'"rooms":[' + b",".join(entries) + b"]", 1)


def encode_item(item: ItemKey, value: bytes | None) -> bytes:
    """`encode` of an `ItemChanged` whose value is JSON already."""
    kind, room, seq, id_ = item
    head = encode(ItemHead(kind=kind, room=room, seq=seq, id=id_))
    return head if value is None else head[:-1] + b',"value":' + value + b"}"


def encode_history(frame_id: FrameId | None, room: UUID, page: bytes) -> bytes:
    """`encode` of a `History` whose page is JSON already."""
    head = encode(HistoryHead(id=frame_id, room=room))
    return head[:-1] + b',"page":' + page + b"}"


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
