"""Use cases of reminders."""

from datetime import datetime
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.persistence.direct_reads import DirectReads
from app.persistence.item_tables import Reminder
from app.persistence.repositories.item_query import ItemValue
from app.persistence.uow import UnitOfWork
from app.rooms.access import get_member_room
from app.wire.errors import NotFound, QuotaExceeded
from app.wire.items import ItemKey, ItemKind
from app.wire.schemas.items import UpdateReminder

NO_REMINDER = "You have no reminder with this id."


async def list_reminders(
    reads: DirectReads, user: UUID, after: UUID | None, limit: int
) -> list[ItemValue]:
    return await reads.reminders.page(user, after, limit)


async def add_reminder(
    uow: UnitOfWork,
    actor: Actor,
    room_id: UUID,
    seq: int | None,
    note: str,
    due_at: datetime,
    max_reminders: int,
) -> Reminder:
    """Of a room, or of a message in it. Raises NotFound, Forbidden, QuotaExceeded."""
    await get_member_room(uow, actor, room_id)
    if seq is not None and not await uow.messages.is_readable(room_id, seq, actor.user):
        raise NotFound("There is no message with this seq in the room.")
    await uow.user_logs.lock(actor.user)
    if await uow.reminders.count(actor.user) >= max_reminders:
        raise QuotaExceeded(f"You have {max_reminders} reminders. Delete some of them.")
    reminder = Reminder(
        user_id=actor.user, id=new_id(), room_id=room_id, seq=seq, note=note, due_at=due_at
    )
    uow.reminders.add(reminder)
    _log_change(uow, reminder)
    return reminder


async def update_reminder(
    uow: UnitOfWork, actor: Actor, id_: UUID, change: UpdateReminder
) -> Reminder:
    """Another time makes a reminder that has fired pending again. Raises NotFound."""
    reminder = await _lock(uow, actor, id_)
    note = reminder.note if change.note is None else change.note
    due_at = change.due_at or reminder.due_at
    if (note, due_at) != (reminder.note, reminder.due_at):
        if due_at != reminder.due_at:
            reminder.fired_at = None
        reminder.note, reminder.due_at = note, due_at
        _log_change(uow, reminder)
    return reminder


async def delete_reminder(uow: UnitOfWork, actor: Actor, id_: UUID) -> None:
    """Raises NotFound."""
    reminder = await _lock(uow, actor, id_)
    await uow.reminders.delete(reminder)
    _log_change(uow, reminder)


async def fire_reminder(uow: UnitOfWork, user: UUID, id_: UUID) -> bool:
    """Tell the user's devices of a reminder that is due; False: somebody else does, or has."""
    reminder = await uow.reminders.lock_due(user, id_)
    if reminder is None:
        return False
    reminder.fired_at = now()
    _log_change(uow, reminder)
    return True


async def _lock(uow: UnitOfWork, actor: Actor, id_: UUID) -> Reminder:
    reminder = await uow.reminders.lock(actor.user, id_)
    if reminder is None:
        raise NotFound(NO_REMINDER)
    return reminder


def _log_change(uow: UnitOfWork, reminder: Reminder) -> None:
    key = ItemKey(ItemKind.REMINDER, reminder.room_id, id=reminder.id)
    uow.user_logs.add_item(reminder.user_id, key)
