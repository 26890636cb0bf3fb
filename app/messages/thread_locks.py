"""Use cases of locked threads."""

from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.messages.send.change_rules import DELETED, NO_MESSAGE
from app.messages.threads import NO_ROOT
from app.persistence.uow import UnitOfWork
from app.rooms.access import lock_member_room, require_not_archived, require_permission
from app.wire.domain import Permission
from app.wire.errors import NotFound
from app.wire.events import Message, ThreadUpdated
from app.wire.message_parts import ThreadLock


async def set_thread_lock(
    uow: UnitOfWork, actor: Actor, room_id: UUID, root: int, *, locked: bool
) -> Message:
    """The root of the thread afterwards; the same again changes nothing. Raises NotFound,
    Forbidden, RoomArchived."""
    room, member = await lock_member_room(uow, actor, room_id)
    require_permission(Permission.MODERATE, room, member, actor)
    require_not_archived(room)
    messages = await uow.messages.list_unchecked(room_id, [root])
    if not messages:
        raise NotFound(NO_MESSAGE)
    [message] = messages
    if message.deletion:
        raise NotFound(DELETED)
    if message.thread is not None:
        raise NotFound(NO_ROOT)
    if locked == (message.thread_lock is not None):
        return message
    at = now()
    lock = ThreadLock(by=actor.user, at=at) if locked else None
    updated = message.model_copy(update={"thread_lock": lock})
    await uow.messages.update(room_id, [updated])
    uow.append_event(
        room,
        lambda seq: ThreadUpdated(room=room_id, seq=seq, actor=actor.user, at=at, message=updated),
    )
    return updated
