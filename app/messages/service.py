"""Use cases of messages, besides sending (`send/`) and reading (`pages.py`)."""

from uuid import UUID

from app.core.actor import Actor
from app.core.publications import Publication
from app.persistence.repositories.room_lists import RoomListRow
from app.persistence.tables import Room
from app.persistence.uow import UnitOfWork
from app.rooms.access import get_member_room, visible_after
from app.rooms.policy import NO_ROOM
from app.rooms.settings import room_settings
from app.wire.errors import NotFound
from app.wire.events import PublicationKind, ReadMarker, encode
from app.wire.user_events import UserEventType


async def mark_read(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> RoomListRow:
    """Move the actor's read marker forward, at most to the newest event, never back."""
    room, _ = await get_member_room(uow, actor, room_id)
    seq = min(seq, room.seq)
    if await uow.members.mark_read(room_id, actor.user, seq):
        uow.user_logs.add(actor.user, UserEventType.ROOM_READ, room_id)
        await _announce(uow, room, actor.user, seq)
    return await _entry(uow, room_id, actor.user)


async def mark_unread(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> RoomListRow:
    """Put the actor's read marker right before `seq`, back or forward, at most to the newest
    event, and not before what the actor may read."""
    room, member = await get_member_room(uow, actor, room_id)
    marker = min(max(seq - 1, visible_after(room, member)), room.seq)
    if await uow.members.move_marker(room_id, actor.user, marker, room.seq):
        uow.user_logs.add(actor.user, UserEventType.ROOM_READ, room_id)
        if marker > member.read_seq:
            await _announce(uow, room, actor.user, marker)
    return await _entry(uow, room_id, actor.user)


async def _announce(uow: UnitOfWork, room: Room, user: UUID, seq: int) -> None:
    """To the others, if the room and the user let them see it. The publication carries the room's
    seq, so that users who were removed before do not get it."""
    if not (room_settings(room).read_by and await uow.users.shares_read_markers(user)):
        return
    frame = encode(ReadMarker(room=room.id, user=user, seq=seq))
    uow.publish(Publication(PublicationKind.READ, room.id, room.seq, user, frame))


async def _entry(uow: UnitOfWork, room_id: UUID, user: UUID) -> RoomListRow:
    rows = await uow.room_lists.entries([(room_id, user)])
    if not rows:  # removed between the two statements
        raise NotFound(NO_ROOM)
    return rows[0]
