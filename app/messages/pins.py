"""Use cases of pinned messages."""

from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.messages.send.change_rules import DELETED, NO_MESSAGE
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.uow import UnitOfWork
from app.rooms.access import lock_member_room, require_not_archived, require_permission
from app.wire.audit import AuditAction
from app.wire.domain import Permission, RoomKind
from app.wire.errors import NotFound, QuotaExceeded
from app.wire.events import Message, MessagePinned, MessageUnpinned
from app.wire.message_parts import Pin


async def pin_message(
    uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int, max_pins: int
) -> Message:
    """A message that is pinned already stays as it is. Raises NotFound, Forbidden,
    QuotaExceeded."""
    room, message = await _lock_message(uow, actor, room_id, seq)
    if message.pin:
        return message
    if await uow.messages.count_pins(room_id) >= max_pins:
        raise QuotaExceeded(f"A room has at most {max_pins} pinned messages. Unpin one first.")
    at = now()
    pinned = message.model_copy(update={"pin": Pin(by=actor.user, at=at)})
    await uow.messages.pin(room_id, seq)
    _record(uow, room, actor, AuditAction.MESSAGE_PINNED, message)
    await uow.messages.update(room_id, [pinned], reindexed=True)
    uow.append_event(
        room,
        lambda event_seq: MessagePinned(
            room=room_id, seq=event_seq, actor=actor.user, at=at, message=pinned
        ),
    )
    return pinned


async def unpin_message(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> Message:
    """A message that is not pinned stays as it is. Raises NotFound, Forbidden."""
    room, message = await _lock_message(uow, actor, room_id, seq)
    if not message.pin:
        return message
    unpinned = message.model_copy(update={"pin": None})
    await uow.messages.unpin(room_id, seq)
    _record(uow, room, actor, AuditAction.MESSAGE_UNPINNED, message)
    await uow.messages.update(room_id, [unpinned], reindexed=True)
    uow.append_event(
        room,
        lambda event_seq: MessageUnpinned(
            room=room_id, seq=event_seq, actor=actor.user, at=now(), message=unpinned
        ),
    )
    return unpinned


def _record(
    uow: UnitOfWork, room: LockedRoom, actor: Actor, action: AuditAction, message: Message
) -> None:
    """A direct room has no moderators."""
    if room.kind is not RoomKind.DIRECT:
        target = AuditTarget(room.id, message.sender, message.seq)
        uow.audit_log.record(actor.user, action, target)


async def _lock_message(
    uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int
) -> tuple[LockedRoom, Message]:
    room, member = await lock_member_room(uow, actor, room_id)
    require_not_archived(room)
    require_permission(Permission.PIN, room, member, actor)
    message = await uow.messages.get(room_id, seq, actor.user)
    if message is None:
        raise NotFound(NO_MESSAGE)
    if message.deletion:
        raise NotFound(DELETED)
    return room, message
