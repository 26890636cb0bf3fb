"""Use cases of requests to join private rooms that allow them."""

from collections.abc import Sequence
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.persistence.room_tables import JoinRequest
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import (
    get_visible_room,
    lock_visible_room,
    require_not_archived,
    require_permission,
)
from app.rooms.admission import admit, refuse_banned
from app.rooms.membership import member_views
from app.rooms.policy import NO_ROOM
from app.rooms.service import MemberView
from app.rooms.settings import room_settings
from app.wire.audit import AuditAction
from app.wire.domain import Permission, Role, RoomKind
from app.wire.errors import Forbidden, NotFound, QuotaExceeded

NO_REQUEST = "This user does not ask to join the room."


async def ask_to_join(
    uow: UnitOfWork, actor: Actor, room_id: UUID, note: str, max_pending: int
) -> JoinRequest:
    """Asking again replaces the note. Raises NotFound, Forbidden, QuotaExceeded."""
    if not await uow.join_requests.are_allowed(room_id):
        raise NotFound(NO_ROOM)
    room = await uow.rooms.lock(room_id)
    if room is None or room.kind is not RoomKind.PRIVATE or not room_settings(room).join_requests:
        raise NotFound(NO_ROOM)
    require_not_archived(room)
    if await uow.members.get(room_id, actor.user):
        raise Forbidden("You are a member of this room.")
    at = now()
    await refuse_banned(uow, room_id, actor.user, [actor.user], at)
    if await uow.join_requests.count(room_id) >= max_pending:
        raise QuotaExceeded(f"{max_pending} users ask to join this room already. Try again later.")
    request = JoinRequest(room_id=room_id, user_id=actor.user, note=note, at=at)
    return await uow.join_requests.put(request)


async def list_join_requests(
    reader: ReadSession, actor: Actor, room_id: UUID, after: UUID | None, limit: int
) -> Sequence[JoinRequest]:
    """Raises NotFound, Forbidden."""
    room, member = await get_visible_room(reader, actor, room_id)
    require_permission(Permission.ADD, room, member, actor)
    return await reader.join_requests.page(room_id, after, limit)


async def approve_join_request(
    uow: UnitOfWork, actor: Actor, room_id: UUID, user: UUID
) -> MemberView:
    """The user becomes a member. Raises NotFound, Forbidden, RoomArchived."""
    room, member = await lock_visible_room(uow, actor, room_id)
    require_permission(Permission.ADD, room, member, actor)
    require_not_archived(room)
    if not await uow.join_requests.delete(room_id, [user]):
        raise NotFound(NO_REQUEST)
    await admit(uow, room, actor.user, [user], Role.MEMBER, now())
    target = AuditTarget(room_id, user)
    uow.audit_log.record(actor.user, AuditAction.JOIN_REQUEST_APPROVED, target)
    await uow.flush()
    rows = await uow.members.with_accounts(room_id, [user])
    [view] = member_views(room, actor, [rows[user]])
    return view


async def delete_join_request(uow: UnitOfWork, actor: Actor, room_id: UUID, user: UUID) -> None:
    """Cancel an own one, or decline one of somebody else. Raises NotFound, Forbidden."""
    if user != actor.user:
        room, member = await lock_visible_room(uow, actor, room_id)
        require_permission(Permission.ADD, room, member, actor)
    if not await uow.join_requests.delete(room_id, [user]):
        raise NotFound(NO_REQUEST)
    if user != actor.user:
        target = AuditTarget(room_id, user)
        uow.audit_log.record(actor.user, AuditAction.JOIN_REQUEST_DECLINED, target)
