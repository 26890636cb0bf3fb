"""Use cases of saved messages."""

from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.persistence.item_tables import SavedMessage
from app.persistence.uow import UnitOfWork
from app.rooms.access import get_member_room
from app.wire.errors import NotFound, QuotaExceeded
from app.wire.items import ItemKey, ItemKind


async def save_message(
    uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int, note: str, max_saved: int
) -> SavedMessage:
    """Save a message, or change its note; the same again changes nothing. Raises NotFound,
    Forbidden, QuotaExceeded."""
    await get_member_room(uow, actor, room_id)
    saved = await uow.saved_messages.get(actor.user, room_id, seq)
    if saved is None:
        await uow.user_logs.lock(actor.user)
        saved = await uow.saved_messages.get(actor.user, room_id, seq)
    if saved is not None and saved.note == note:
        return saved
    if saved is None:
        saved = await _add(uow, actor, room_id, seq, max_saved)
    saved.note = note
    uow.user_logs.add_item(actor.user, ItemKey(ItemKind.SAVED_MESSAGE, room_id, seq))
    return saved


async def _add(
    uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int, max_saved: int
) -> SavedMessage:
    if not await uow.messages.is_readable(room_id, seq, actor.user):
        raise NotFound("There is no message with this seq in the room.")
    if await uow.saved_messages.count(actor.user) >= max_saved:
        raise QuotaExceeded(f"You have saved {max_saved} messages. Remove some of them.")
    saved = SavedMessage(user_id=actor.user, room_id=room_id, seq=seq, note="", saved_at=now())
    uow.saved_messages.add(saved)
    return saved


async def remove_saved(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> None:
    """Also in a room that the actor has left; does nothing if it is not saved. Raises NotFound,
    Forbidden."""
    if await uow.saved_messages.delete(actor.user, room_id, seq):
        uow.user_logs.add_item(actor.user, ItemKey(ItemKind.SAVED_MESSAGE, room_id, seq))
    else:
        await get_member_room(uow, actor, room_id)
