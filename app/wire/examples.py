"""One example of each frame and event, for /asyncapi.json and docs/protocol.md.

They belong together: Ada's client connects, opens a room, reads Bob's message and answers it.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from app.wire.client_frames import (
    AddReaction,
    ClientFrame,
    Close,
    EditMessage,
    GetHistory,
    Hello,
    MarkRead,
    Open,
    Pong,
    RemoveReaction,
    RoomPosition,
    SendMessage,
    SubscribePresence,
    Typing,
)
from app.wire.domain import NotificationLevel, PresenceState, Role, RoomKind
from app.wire.errors import NotFound
from app.wire.events import (
    Event,
    MemberJoined,
    MemberLeft,
    MemberRef,
    MemberRemoved,
    MemberRoleChanged,
    MemberTimeout,
    Message,
    MessageCreated,
    MessageEdited,
    MessageHidden,
    MessagePinned,
    MessagesDeleted,
    MessageUnpinned,
    PermissionsChanged,
    PollUpdated,
    ReactionAdded,
    ReactionRemoved,
    ReadMarker,
    RoomChanged,
    RoomCreated,
    RoomDeleted,
    RoomDetails,
    RoomEvent,
    ThreadUpdated,
)
from app.wire.events import encode as encode_event
from app.wire.frames import (
    Ack,
    Draining,
    History,
    ItemChanged,
    Ping,
    Presence,
    RoomClosed,
    RoomEntry,
    RoomHead,
    RoomList,
    RoomOpened,
    ServerFrame,
    TypingUsers,
    UserChanged,
    UserPresence,
    Welcome,
    encode,
    error_frame,
)
from app.wire.items import ItemKind
from app.wire.message_parts import Edit, Pin, ReactionCount, ThreadSummary
from app.wire.overrides import OverrideOut
from app.wire.polls import Poll, PollOption
from app.wire.schemas.items import DraftOut, SavedMessageValue
from app.wire.schemas.limits import ServerLimits
from app.wire.schemas.messages import MessagePage
from app.wire.schemas.notifications import NotificationsOut
from app.wire.schemas.rooms import LastMessage
from app.wire.schemas.users import UserOut

JsonObject = dict[str, Any]

ADA = UUID("0193a4d2-7c51-7f04-8a3e-5b1c2d3e4f50")
BOB = UUID("0193a4d2-9e10-7b21-b5d0-6f2a8c9e1d47")
EVE = UUID("0193a4d2-b3a7-7c66-9f11-0e4d5c6b7a89")
ROOM = UUID("0193a4d3-1f42-7a90-a1b2-3c4d5e6f7081")
SESSION = UUID("0193a4d3-4c05-7d3e-8b9a-102132435465")
EPOCH = "q3Xv0TbN2cE"
AT = datetime(2026, 11, 28, 9, 30, 0, 123456, tzinfo=UTC)

_DETAILS = RoomDetails(kind=RoomKind.PRIVATE, name="General", topic="Hello")
_BOBS = Message(seq=5, sender=BOB, at=AT, text="Is anyone here?", nonce="01JB8Z3J6Q", reply_to=None)
_LATER = AT + timedelta(seconds=8)
_ADAS = Message(seq=6, sender=ADA, at=_LATER, text="Hello 👋", nonce="k7c2", reply_to=5)
_LIKED = _ADAS.model_copy(update={"reactions": [ReactionCount(emoji="🎉", count=1, users=[BOB])]})
_REPLY = Message(
    seq=17, sender=BOB, at=_LATER, text="Hi", nonce="01JB8Z4A", reply_to=None, thread=6
)
_SUMMARY = ThreadSummary(replies=1, last_seq=17, last_at=_LATER, users=[BOB])
_POLL = Poll(
    options=[
        PollOption(number=1, text="Yes", votes=1, voters=[BOB]),
        PollOption(number=2, text="No"),
    ],
    voter_count=1,
    multiple=False,
    anonymous=False,
    may_add=False,
)

CLIENT_EXAMPLES: tuple[ClientFrame, ...] = (
    Hello(
        id=1,
        token="9f3c1e52a0b84d67",  # noqa: S106  # an example
        client="example/1.0",
        rooms=[RoomPosition(room=ROOM, since=4, epoch=EPOCH)],
    ),
    Open(id=2, rooms=[RoomPosition(room=ROOM, since=4, epoch=EPOCH)]),
    Close(id=3, rooms=[ROOM]),
    SendMessage(id=4, room=ROOM, nonce=_ADAS.nonce, text=_ADAS.text, reply_to=_ADAS.reply_to),
    EditMessage(id=8, room=ROOM, seq=6, text="Hello!", version=1),
    AddReaction(id=9, room=ROOM, seq=5, emoji="🎉"),
    RemoveReaction(id=10, room=ROOM, seq=5, emoji="🎉"),
    GetHistory(id=7, room=ROOM, before=6, limit=1),
    MarkRead(id=5, room=ROOM, seq=6),
    SubscribePresence(id=6, users=[BOB]),
    Typing(room=ROOM),
    Pong(n=1),
)

SERVER_EXAMPLES: tuple[ServerFrame, ...] = (
    Welcome(
        id=1,
        session=SESSION,
        user=UserOut(id=ADA, username="ada", display_name="Ada"),
        epoch=EPOCH,
        heartbeat_ms=25_000,
        limits=ServerLimits(
            hello_bytes=65_536,
            frame_bytes=16_384,
            text_chars=4000,
            json_depth=32,
            frames_per_minute=120,
            frames_burst=40,
            sends_per_second=5,
            sends_burst=10,
            writes_per_minute=300,
            writes_burst=200,
            reads_per_minute=600,
            reads_burst=300,
            open_rooms=100,
            presence_subscriptions=200,
            typing_interval_s=3,
            sockets_per_user=10,
            catchup_events_per_room=100,
            catchup_events_per_request=1000,
            max_drafts=500,
            max_saved=5000,
            max_blocks=1000,
            max_reminders=500,
            max_scheduled=100,
            max_schedule_days=365,
            max_unread=999,
            edit_window_s=0,
            max_versions=100,
            max_reaction_kinds=20,
            max_pins=50,
            max_overrides=100,
            max_invites=100,
            max_join_requests=1000,
            max_poll_options=20,
            metadata_bytes=4096,
            send_buffer_bytes=1_048_576,
        ),
        expires_at=AT + timedelta(days=30),
    ),
    RoomList(
        rooms=[
            RoomEntry(
                room=ROOM,
                kind=RoomKind.PRIVATE,
                name="General",
                topic="Hello",
                archived=False,
                seq=5,
                role=Role.MEMBER,
                permissions=["read", "send", "send_in_threads", "react", "leave"],
                read_seq=4,
                unread=1,
                mentions=0,
                last_message=LastMessage(seq=5, sender=BOB, at=AT, text="Is anyone here?"),
            )
        ],
        snapshot="AZOk0vBn8Q",
    ),
    RoomList(full=False, rooms=[], gone=[ROOM], snapshot="AZOk0vBn9R"),
    ItemChanged(
        kind=ItemKind.DRAFT,
        room=ROOM,
        seq=0,
        value=DraftOut(room=ROOM, thread=0, text="Hello, I", reply_to=5, updated_at=AT),
    ),
    ItemChanged(kind=ItemKind.DRAFT, room=ROOM, seq=0),
    ItemChanged(
        kind=ItemKind.SAVED_MESSAGE,
        room=ROOM,
        seq=5,
        value=SavedMessageValue(room=ROOM, seq=5, note="answer this", saved_at=AT),
    ),
    ItemChanged(
        kind=ItemKind.NOTIFICATIONS,
        room=BOB,
        value=NotificationsOut(
            level=NotificationLevel.MENTIONS, keywords=["release"], quiet_until=None, schedule=None
        ),
    ),
    RoomOpened.model_validate({"id": 1, "room": ROOM, "from": 4, "seq": 5, "state": "ok"}),
    RoomClosed(room=ROOM, reason="left", seq=10),
    Ack(id=4, room=ROOM, seq=6, at=_LATER),
    History(id=7, room=ROOM, page=MessagePage(items=[_BOBS], before=None, after=5)),
    ReadMarker(room=ROOM, user=BOB, seq=6),
    Presence(id=6, users=[UserPresence(user=BOB, state=PresenceState.ONLINE)]),
    TypingUsers(room=ROOM, users=[BOB], ttl_ms=6000),
    UserChanged(user=UserOut(id=BOB, username="bob", display_name="Bob, on holiday")),
    Ping(n=1, heads=[RoomHead(room=ROOM, seq=6)]),
    Draining(in_ms=1500),
    error_frame(NotFound("There is no such room."), 2, ROOM),
)

EVENT_EXAMPLES: tuple[Event, ...] = (
    RoomCreated(room=ROOM, seq=1, actor=BOB, at=AT, details=_DETAILS),
    MemberJoined(room=ROOM, seq=2, actor=BOB, at=AT, member=MemberRef(user=BOB, role=Role.OWNER)),
    MessageCreated(room=ROOM, seq=5, actor=BOB, at=AT, message=_BOBS),
    MessageCreated(room=ROOM, seq=6, actor=ADA, at=_LATER, message=_ADAS),
    MessageEdited(
        room=ROOM,
        seq=11,
        actor=ADA,
        at=_LATER,
        message=_ADAS.model_copy(update={"text": "Hello!", "edit": Edit(version=2, at=_LATER)}),
    ),
    MessagesDeleted(room=ROOM, seq=12, actor=BOB, at=_LATER, seqs=[5]),
    ReactionAdded(room=ROOM, seq=13, actor=BOB, at=_LATER, message=_LIKED, emoji="🎉"),
    ReactionRemoved(room=ROOM, seq=14, actor=BOB, at=_LATER, message=_ADAS, emoji="🎉"),
    MessagePinned(
        room=ROOM,
        seq=15,
        actor=BOB,
        at=_LATER,
        message=_ADAS.model_copy(update={"pin": Pin(by=BOB, at=_LATER)}),
    ),
    MessageUnpinned(room=ROOM, seq=16, actor=BOB, at=_LATER, message=_ADAS),
    MessageCreated(room=ROOM, seq=17, actor=BOB, at=_LATER, message=_REPLY),
    ThreadUpdated(
        room=ROOM,
        seq=18,
        actor=BOB,
        at=_LATER,
        message=_ADAS.model_copy(update={"thread_summary": _SUMMARY}),
    ),
    PollUpdated(
        room=ROOM, seq=19, actor=BOB, at=_LATER, message=_BOBS.model_copy(update={"poll": _POLL})
    ),
    MessageHidden(room=ROOM, seq=21, actor=BOB, at=_LATER),
    RoomChanged(
        room=ROOM, seq=7, actor=BOB, at=AT, details=_DETAILS.model_copy(update={"topic": "News"})
    ),
    RoomDeleted(room=ROOM, seq=22, actor=BOB, at=_LATER),
    MemberRoleChanged(
        room=ROOM, seq=8, actor=BOB, at=AT, member=MemberRef(user=ADA, role=Role.ADMIN)
    ),
    MemberTimeout(
        room=ROOM,
        seq=20,
        actor=BOB,
        at=_LATER,
        member=MemberRef(user=ADA, role=Role.MEMBER),
        until=_LATER + timedelta(hours=1),
    ),
    PermissionsChanged(
        room=ROOM,
        seq=21,
        actor=BOB,
        at=_LATER,
        override=OverrideOut(role=Role.GUEST, allow=["create_polls"], deny=["send"]),
    ),
    MemberRemoved(room=ROOM, seq=9, actor=BOB, at=AT, member=MemberRef(user=EVE, role=Role.MEMBER)),
    MemberLeft(room=ROOM, seq=10, actor=ADA, at=AT, member=MemberRef(user=ADA, role=Role.ADMIN)),
)


def frame_json(frame: BaseModel) -> JsonObject:
    """As it goes over the socket, with `type` first."""
    encoded = encode_event(frame) if isinstance(frame, RoomEvent) else encode(frame)
    content: JsonObject = json.loads(encoded)
    return {"type": content.pop("type"), **content}


def find_examples(cls: type[BaseModel]) -> list[JsonObject]:
    examples = (*CLIENT_EXAMPLES, *SERVER_EXAMPLES, *EVENT_EXAMPLES)
    return [frame_json(example) for example in examples if type(example) is cls]
