"""Deletes what is left of rooms that were deleted: all rows but that of the room.

From the deletion on no request reads them, so this may take its time. Each transaction renews the
lease and deletes up to a few hundred rows: a process that is killed leaves nothing half done. First
the memberships and what users have saved of the room, each with an event in its user's log. The
rest follows after a minute: a process that has missed the deletion reads of it in the room's log.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from app.messages.retention import Job
from app.persistence.item_tables import Draft, Reminder, SavedMessage, ScheduledMessage
from app.persistence.repositories.room_purges import OF_ROOM, OF_USERS
from app.persistence.search_tables import SearchDocument
from app.persistence.tables import Base, Member
from app.persistence.uow import ReadSession, UnitOfWork
from app.wire.items import ItemKey, ItemKind
from app.wire.user_events import UserEventType

ROWS_PER_TRANSACTION = 300

# From a room and the primary key of a row.
_ITEMS: dict[type[Base], Callable[[UUID, Any], ItemKey]] = {
    Draft: lambda room, key: ItemKey(ItemKind.DRAFT, room, key.thread),
    SavedMessage: lambda room, key: ItemKey(ItemKind.SAVED_MESSAGE, room, key.seq),
    ScheduledMessage: lambda room, key: ItemKey(ItemKind.SCHEDULED_MESSAGE, room, id=key.id),
    Reminder: lambda room, key: ItemKey(ItemKind.REMINDER, room, id=key.id),
}


async def purge_some(uow: UnitOfWork) -> bool:
    """Delete some rows of a room that are due. False: none is."""
    purge = await uow.room_purges.find_due()
    if purge is None:
        return False
    for model in (*OF_ROOM, *OF_USERS) if purge.memberships_ended else OF_USERS:
        if await _delete_some(uow, model, purge.room):
            return True
    if purge.memberships_ended:
        await uow.room_purges.finish(purge.room)
    else:
        await uow.room_purges.note_memberships_ended(purge.room)
    return True


async def _delete_some(uow: UnitOfWork, model: type[Base], room: UUID) -> bool:
    """Whether there was a row."""
    if model is SearchDocument:
        documents = await uow.search.list_keys(room, ROWS_PER_TRANSACTION)
        if documents:
            await uow.search.remove(documents)
        return bool(documents)
    keys = await uow.room_purges.list_keys(model, room, ROWS_PER_TRANSACTION)
    if not keys:
        return False
    await uow.room_purges.delete_rows(model, keys)
    if model is Member:
        for key in keys:
            uow.user_logs.add(key.user_id, UserEventType.ROOM_REMOVED, room)
    elif make_item := _ITEMS.get(model):
        for key in keys:
            uow.user_logs.add_item(key.user_id, make_item(room, key))
    return True


async def _is_anything_due(reads: ReadSession) -> bool:
    return await reads.room_purges.find_due() is not None


PURGE = Job("purge", _is_anything_due, (purge_some,))
