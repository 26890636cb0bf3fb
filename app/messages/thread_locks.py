"""Use cases of locked threads."""

from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.messages.send.change_rules import DELETED, NO_MESSAGE
from app.messages.threads import NO_ROOT
from app.persistence.uow import UnitOfWork
from app.rooms.access import lock_member_room, require_not_archived, require_permission
from app.wire.audit import AuditAction
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
    message = await uow.messages.get(room_id, root, actor.user)
    if message is None:
        raise NotFound(NO_MESSAGE)
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
    action = AuditAction.THREAD_LOCKED if locked else AuditAction.THREAD_UNLOCKED
    uow.audit_log.record(actor.user, action, AuditTarget(room_id, message.sender, root))
    uow.append_event(
        room,
        lambda seq: ThreadUpdated(room=room_id, seq=seq, actor=actor.user, at=at, message=updated),
    )
    return updated
