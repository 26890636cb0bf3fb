"""A client of this release and a server of a later one: unknown data is ignored or passed on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import orjson
from websockets.asyncio.server import ServerConnection, serve

from app.client.connection import Connection, open_connection
from app.client.errors import RequestRejected
from app.client.http import ServerAddress
from app.wire.client_frames import Hello
from app.wire.domain import Role, RoomKind
from app.wire.errors import Retry
from app.wire.events import MemberJoined, RoomChanged, RoomEvent
from app.wire.frames import SUBPROTOCOL, ErrorFrame, Ping, RoomClosed, RoomList
from app.wire.schemas.limits import ServerLimits

USER, ROOM = str(UUID(int=1)), str(UUID(int=2))
LIMITS = dict.fromkeys((*ServerLimits.model_fields, "polls_per_day"), 1000)
WELCOME = {
    "type": "welcome",
    "session": USER,
    "user": {"id": USER, "username": "ada", "display_name": "Ada", "mood": "fine"},
    "epoch": "q3Xv0TbN2cE",
    "heartbeat_ms": 25_000,
    "limits": LIMITS,
    "expires_at": "2030-01-01T00:00:00Z",
    "features": ["polls"],
}


@asynccontextmanager
async def linked(*frames: dict[str, Any]) -> AsyncIterator[Connection]:
    """A connection to a server that sends these frames after its welcome, and then a ping."""

    async def speak(socket: ServerConnection) -> None:
        await socket.recv()
        for frame in (WELCOME, *frames, {"type": "ping", "n": 1, "heads": []}):
            await socket.send(orjson.dumps(frame).decode())
        await socket.wait_closed()

    async with serve(speak, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        connection = await open_connection(
            ServerAddress(httpx.URL(f"http://127.0.0.1:{port}"), None, "tests"), Hello(token="t")
        )
        try:
            yield connection
        finally:
            await connection.close()


def event(kind: str, **more: Any) -> dict[str, Any]:
    at = "2030-01-01T00:00:00Z"
    return {"type": kind, "room": ROOM, "seq": 7, "actor": USER, "at": at} | more


async def heard(*frames: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    async with linked(*frames) as connection:
        while not isinstance(frame := await connection.receive(), Ping):
            found.append(frame)
    return found


async def test_unknown_frames_and_fields_are_ignored() -> None:
    (closed,) = await heard(
        {"type": "poll.opened", "id": 1},
        {"type": "presence", "users": [{"user": USER, "state": "asleep"}]},
        {"no": "type"},
        {"type": "room.closed", "room": ROOM, "reason": "left", "seq": 4, "by": USER},
    )
    assert (closed.reason, closed.seq) == ("left", 4)


async def test_an_unknown_error_code_is_a_rejection() -> None:
    said = {"type": "error", "id": 3, "code": "slow_mode", "detail": "Wait.", "retry": "after"}
    (frame,) = await heard(said | {"retry_after_ms": 5000})
    assert isinstance(frame, ErrorFrame)
    refused = RequestRejected.from_frame(frame)
    assert (refused.code, refused.retry, refused.wait_s) == ("slow_mode", Retry.AFTER, 5.0)


async def test_an_unknown_reason_closes_the_room() -> None:
    (frame,) = await heard({"type": "room.closed", "room": ROOM, "reason": "expired"})
    assert isinstance(frame, RoomClosed)
    assert str(frame.reason) == "expired"


async def test_unknown_events_and_roles_are_delivered() -> None:
    member = {"user": USER, "role": "observer", "until": "2031"}
    details = {"kind": "stage", "name": None, "topic": "", "archived": False}
    listed = details | {"room": ROOM, "seq": 7, "role": "observer", "read_seq": 1, "unread": 0}
    poll, joined, changed, broken, rooms = await heard(
        event("poll.started", poll={"question": "Tea?"}),
        event("member.joined", member=member),
        event("room.changed", details=details),
        event("room.changed", details="in a way of tomorrow"),
        {"type": "rooms", "rooms": [listed | {"mentions": 0}], "snapshot": "s"},
    )
    assert type(poll) is RoomEvent
    assert poll.model_extra == {"poll": {"question": "Tea?"}}
    assert isinstance(joined, MemberJoined)
    assert joined.member.role is Role.GUEST
    assert isinstance(changed, RoomChanged)
    assert changed.details.kind is RoomKind.PRIVATE
    assert type(broken) is RoomEvent
    assert isinstance(rooms, RoomList)
    assert (rooms.rooms[0].role, rooms.rooms[0].kind) == (Role.GUEST, RoomKind.PRIVATE)
