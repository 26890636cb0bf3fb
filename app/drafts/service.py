"""Use cases of drafts."""

from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.drafts import DraftContent, DraftKey
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.item_query import ItemValue
from app.persistence.uow import UnitOfWork
from app.rooms.access import get_member_room
from app.rooms.policy import NO_ROOM
from app.wire.errors import NotFound, QuotaExceeded
from app.wire.items import ItemKey, ItemKind


async def list_drafts(
    reads: DirectReads, user: UUID, after: DraftKey | None, limit: int
) -> list[ItemValue]:
    return await reads.drafts.page(user, after, limit)


async def save_draft(
    uow: UnitOfWork, actor: Actor, key: DraftKey, content: DraftContent, max_drafts: int
) -> None:
    """Make, replace or delete a draft; the same again changes nothing. Raises NotFound, Forbidden,
    QuotaExceeded.

    The member's row is locked, so that a departure deletes the draft or refuses it.
    """
    room, thread = key
    await get_member_room(uow, actor, room)
    if not await uow.members.lock(room, actor.user):
        raise NotFound(NO_ROOM)
    if not content.text:
        changed = await uow.drafts.delete(actor.user, room, thread)
    else:
        changed = await _replace(uow, actor, key, content, max_drafts)
    if changed:
        uow.user_logs.add_item(actor.user, ItemKey(ItemKind.DRAFT, room, thread))


async def _replace(
    uow: UnitOfWork, actor: Actor, key: DraftKey, content: DraftContent, max_drafts: int
) -> bool:
    stored = await uow.drafts.get(actor.user, *key)
    if stored == content:
        return False
    if stored is None:
        await uow.user_logs.lock(actor.user)
        if await uow.drafts.count(actor.user) >= max_drafts:
            raise QuotaExceeded(f"You have {max_drafts} drafts. Send or delete some of them.")
    await uow.drafts.save(actor.user, *key, *content, now())
    return True
