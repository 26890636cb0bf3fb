"""Opening a room: attach, then read the log, then go live. Nothing is lost or doubled between."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.core.actor import Actor
from app.core.errors import Busy, TooMany
from app.core.events import announcement
from app.messages.service import log
from app.persistence.uow import Reader
from app.realtime.hub import Hub
from app.realtime.protocol import Position, RoomOpened
from app.realtime.socket import Follower, Socket
from app.realtime.transport import text_frame
from app.rooms.access import enter


@dataclass(slots=True)
class Budget:
    """How many events one hello or open may bring, over all its rooms."""

    events: int


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What a client gets that was at `since`: the frames after `after`, up to `head`."""

    head: int
    since: int
    after: int
    state: Literal["ok", "limited", "reset"]
    frames: list[bytes]


async def open_room(
    hub: Hub, socket: Socket, position: Position, frame_id: str | int | None, budget: Budget
) -> None:
    """Send `room.opened`, what is missing, then live events. If it raises, nothing is attached."""
    hub.detach(socket, position.room)  # opening again starts again
    if len(socket.follows) >= hub.limits.open_rooms:
        raise TooMany(f"A socket has at most {hub.limits.open_rooms} open rooms. Close one first.")
    follower = hub.attach(socket, position.room)
    try:
        missed = await _catch_up(hub, follower, position, budget.events)
    except BaseException:
        hub.detach(socket, position.room)
        raise
    budget.events -= len(missed.frames)
    socket.send(
        RoomOpened.model_validate(
            {
                "id": frame_id,
                "room": position.room,
                "from": missed.since,
                "seq": missed.head,
                "state": missed.state,
                "resume": missed.after if missed.state == "limited" else None,
            }
        )
    )
    socket.push(b"".join(missed.frames))
    hub.join_audience(socket, position.room)
    hub.go_live(follower, missed.head)


async def _catch_up(hub: Hub, follower: Follower, position: Position, most_events: int) -> CatchUp:
    """Read the log until what queues meanwhile joins on to it: once, or twice (`Hub.begin`)."""
    socket, limits = follower.socket, hub.limits
    while True:
        # A member at this head: a removal after it will come to the follower as an event.
        missed = await hub.database.read(
            read_missed,
            socket.actor,
            position,
            limits.catchup_room,
            most_events,
            limits.buffer_bytes // 4 - socket.unsent_bytes(),
        )
        if socket.follows.get(position.room) is not follower:
            raise Busy(
                "Too much happened in the room while it was being opened. Open it again.",
                retry_after_ms=100,
            )
        if hub.begin(follower, missed.head):
            return missed


async def read_missed(
    reads: Reader, actor: Actor, position: Position, most: int, budget: int, most_bytes: int
) -> CatchUp:
    """What happened since the client's position. Raises NotFound or Forbidden."""
    room, _ = await enter(reads, actor, position.room)
    head = room.seq
    since = head if position.since is None else position.since
    if since > head:
        return CatchUp(head, since, head, "reset", [])
    after = since
    if head - since > min(most, budget):
        after = head - min(most // 2, budget)
    frames = await _frames(reads, position.room, actor, after, head)
    kept = _newest_within(frames, most_bytes)
    after = head - len(kept)
    return CatchUp(head, since, after, "ok" if after == since else "limited", kept)


async def _frames(reads: Reader, room_id: UUID, actor: Actor, after: int, head: int) -> list[bytes]:
    if after == head:
        return []
    found, _ = await log(reads, actor, room_id, after, head, head - after)
    return [text_frame(announcement(event).frame) for event in found]


def _newest_within(frames: list[bytes], most_bytes: int) -> list[bytes]:
    """So many of the last frames as fit: a catch-up must not make its own socket a slow one."""
    total = 0
    for index in range(len(frames) - 1, -1, -1):
        total += len(frames[index])
        if total > most_bytes:
            return frames[index + 1 :]
    return frames
