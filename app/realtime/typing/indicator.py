"""Typing: from the frame of one who writes to those who have the room open, on every process.

Nothing of it is in the log, and nobody has to get it.
"""

import asyncio
from uuid import UUID

from app.bus.base import Bus
from app.core.publications import Publication
from app.persistence.uow import ReadSession
from app.realtime.hub.connection import RoomChannel, Connection
from app.realtime.hub.hub import Hub
from app.realtime.transport.ws_protocol import text_frame
from app.realtime.typing.state import TYPING_TTL_S
from app.wire.errors import NotFound
from app.wire.events import PublicationKind
from app.wire.frames import TypingUsers, encode

TICK_S = 0.25
MEMBER_COUNT_TTL_S = 60.0


async def publish_typing(hub: Hub, bus: Bus, connection: Connection, room_id: UUID) -> None:
    """Tell every process. Silently not: too soon, in a huge room, before the room is live.

    Who has the room open is a member, as far as the room's stream here has come. Other processes
    that have not come as far drop it, so that nobody learns of it who was removed before.
    """
    if room_id not in connection.subscriptions:
        raise NotFound("This room is not open on this socket. Open it first.")
    now = asyncio.get_running_loop().time()
    if not hub.typists.allow(room_id, connection.user, now, hub.limits.typing_every_s):
        return
    if await _is_huge(hub, connection.subscriptions[room_id].room):
        return
    follower = connection.subscriptions.get(room_id)
    if follower and connection in follower.room.live:
        head = follower.room.stream.head
        bus.whisper([Publication(PublicationKind.TYPING, room_id, head, connection.user)])


async def _is_huge(hub: Hub, room: RoomChannel) -> bool:
    """Counted once a minute, as long as somebody types."""
    now = asyncio.get_running_loop().time()
    if room.counted_at is None or now - room.counted_at >= MEMBER_COUNT_TTL_S:
        room.huge = await hub.database.read(_reaches, room.id, hub.limits.huge_room)
        room.counted_at = now
    return room.huge


async def _reaches(reads: ReadSession, room_id: UUID, count: int) -> bool:
    return await reads.members.reaches(room_id, count)


async def run_typing_updates(hub: Hub) -> None:
    """Runs for ever: tells each open room who writes in it, when that has changed."""
    clock, typists = asyncio.get_running_loop().time, hub.typists
    while True:
        await asyncio.sleep(TICK_S)
        typists.expire(clock())
        for room_id in list(typists.update_due):
            room = hub.rooms.get(room_id)
            if room:
                _tell(room, typists.writing(room_id))
                typists.update_due.discard(room_id)
            else:
                typists.forget(room_id)


def _tell(room: RoomChannel, writing: list[UUID]) -> None:
    """Everybody but themselves; whoever knows of nobody is not told that there is nobody."""
    before, room.last_typing_users = room.last_typing_users, tuple(writing)
    frame = _frame(room.id, writing)
    for connection in room.live:
        if connection.user not in writing and connection.user not in before:
            connection.whisper(frame)
        elif others := [user for user in writing if user != connection.user]:
            connection.whisper(_frame(room.id, others))
        elif any(user != connection.user for user in before):
            connection.whisper(_frame(room.id, []))


def _frame(room: UUID, users: list[UUID]) -> bytes:
    ttl_ms = int(TYPING_TTL_S * 1000)
    return text_frame(encode(TypingUsers(room=room, users=users, ttl_ms=ttl_ms)))
