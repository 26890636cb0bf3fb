"""Use cases of messages, besides sending (`send/`) and reading (`pages.py`)."""

from uuid import UUID

from app.core.actor import Actor
from app.core.publications import Publication
from app.persistence.repositories.room_lists import Badge
from app.persistence.uow import UnitOfWork
from app.rooms.access import get_member_room
from app.rooms.policy import NO_ROOM
from app.wire.errors import NotFound
from app.wire.events import PublicationKind, ReadMarker, encode


async def mark_read(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> Badge:
    """Move the actor's read marker forward, at most to the newest event, never back.

    The publication carries the room's seq, so that users who were removed before do not get it.
    """
    room, _ = await get_member_room(uow, actor, room_id)
    seq = min(seq, room.seq)
    if await uow.members.mark_read(room_id, actor.user, seq):
        frame = encode(ReadMarker(room=room_id, user=actor.user, seq=seq))
        uow.publish(Publication(PublicationKind.READ, room_id, room.seq, actor.user, frame))
    badges = await uow.room_lists.badges([(room_id, actor.user)])
    if not badges:  # removed between the two statements
        raise NotFound(NO_ROOM)
    return badges[0]
