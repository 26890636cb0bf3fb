"""Use cases of blocks: what a user does not want to have from another one.

The row of the direct room settles what comes first, a block or a message: both lock it. Where there
is no direct room yet, the blocker's log does, which is locked to open one, too.
"""

from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.publications import Publication
from app.persistence.item_tables import UserBlock
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.uow import UnitOfWork
from app.rooms.service import make_direct_key
from app.settings import Directory
from app.users.directory import get_visible
from app.wire.errors import Invalid, QuotaExceeded
from app.wire.events import PublicationKind
from app.wire.items import ItemKey, ItemKind
from app.wire.user_events import UserEventType


async def block_user(
    uow: UnitOfWork, actor: Actor, user_id: UUID, max_blocks: int, directory: Directory
) -> UserBlock:
    """Again changes nothing, except that it closes a direct room that a process of the release
    before has opened. Raises Invalid, NotFound, QuotaExceeded."""
    if user_id == actor.user:
        raise Invalid("You cannot block yourself.")
    await get_visible(uow, actor, user_id, directory)
    room = await _lock(uow, actor.user, user_id)
    if existing := await uow.blocks.get(actor.user, user_id):
        _close(room, actor.user)
        return existing
    if await uow.blocks.count(actor.user) >= max_blocks:
        raise QuotaExceeded(f"You have blocked {max_blocks} users. Unblock some of them.")
    block = UserBlock(user_id=actor.user, blocked_id=user_id, at=now())
    uow.blocks.add(block)
    _close(room, actor.user)
    await _announce(uow, actor.user, user_id)
    return block


async def unblock_user(uow: UnitOfWork, actor: Actor, user_id: UUID) -> None:
    """Of a user who is not blocked: changes nothing."""
    room = await _lock(uow, actor.user, user_id)
    if not await uow.blocks.delete(actor.user, user_id):
        return
    if room:
        room.blocked_by = (room.blocked_by or "").replace(actor.user.hex, "") or None
    await _announce(uow, actor.user, user_id)


async def _lock(uow: UnitOfWork, actor: UUID, blocked: UUID) -> LockedRoom | None:
    """The direct room of both, if there is one, and the actor's log.

    A room that was opened meanwhile is locked after the log, against the order: a deadlock that
    comes of it is an ordinary conflict, which is tried again.
    """
    key = make_direct_key(actor, blocked)
    direct = await uow.rooms.direct(key)
    room = await uow.rooms.lock(direct.id) if direct else None
    await uow.user_logs.lock(actor)
    if room is None and (direct := await uow.rooms.direct(key)):
        room = await uow.rooms.lock(direct.id)
    return room


def _close(room: LockedRoom | None, blocker: UUID) -> None:
    if room and blocker.hex not in (room.blocked_by or ""):
        room.blocked_by = (room.blocked_by or "") + blocker.hex


async def _announce(uow: UnitOfWork, actor: UUID, blocked: UUID) -> None:
    """To the actor's devices, also in which rooms other mentions may count; and that the other one
    sees the actor's presence no more, or again."""
    uow.user_logs.add_item(actor, ItemKey(ItemKind.BLOCK, actor, id=blocked))
    for room in await uow.members.list_mentioning_rooms(actor, blocked):
        uow.user_logs.add(actor, UserEventType.NOTIFICATIONS_CHANGED, room)
    uow.publish(Publication(PublicationKind.VISIBILITY, actor, 0, actor))
