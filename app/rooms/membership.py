"""Use cases of membership: join, leave, add, remove."""

from collections.abc import Sequence
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.tables import Member, Room, User
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import (
    get_member_room,
    lock_member_room,
    lock_visible_room,
    require_not_archived,
    require_permission,
    visible_after,
)
from app.rooms.admission import admit
from app.rooms.policy import NO_ROOM, require_rank
from app.rooms.service import (
    MemberView,
    RoomView,
    refuse_too_many,
    require_users,
    view,
)
from app.rooms.settings import room_settings, shows_marker
from app.wire.audit import AuditAction
from app.wire.domain import Permission, Role, RoomKind
from app.wire.errors import Forbidden, LastOwner, NotFound
from app.wire.events import MemberLeft, MemberRef, MemberRemoved
from app.wire.items import ItemKey, ItemKind
from app.wire.user_events import UserEventType

_USER_EVENT_TYPES = {
    MemberLeft: UserEventType.ROOM_LEFT,
    MemberRemoved: UserEventType.ROOM_REMOVED,
}


async def join(uow: UnitOfWork, actor: Actor, room_id: UUID, max_rooms: int) -> RoomView:
    """Join a public room; joining again changes nothing."""
    room, member = await lock_visible_room(uow, actor, room_id)
    if member is None:
        require_not_archived(room)
        await refuse_too_many(uow, actor.user, max_rooms)
        await admit(uow, room, actor.user, [actor.user], Role.MEMBER, now())
        await uow.flush()
    return await view(uow, actor, room_id)


async def leave(uow: UnitOfWork, actor: Actor, room_id: UUID) -> None:
    """Raises LastOwner if the room would be left without an owner (unless it is archived)."""
    room, member = await lock_member_room(uow, actor, room_id)
    require_permission(Permission.LEAVE, room, member, actor)
    if room.archived_at is None:
        await keep_an_owner(uow, room, member)
    await _remove_member(uow, room, actor, member, MemberLeft)


async def list_members(
    reader: ReadSession, actor: Actor, room_id: UUID, after: str | None, limit: int
) -> Sequence[MemberView]:
    """A page of the members, by username. Raises NotFound, Forbidden."""
    room, _ = await get_member_room(reader, actor, room_id)
    rows = await reader.members.list_members(room_id, after, limit, actor.user)
    if not rows and after is None:
        raise NotFound(NO_ROOM)  # put out between the two statements
    return member_views(room, actor, rows)


async def add_members(
    uow: UnitOfWork, actor: Actor, room_id: UUID, users: Sequence[UUID]
) -> Sequence[MemberView]:
    """Add those who are not members yet, all or none; all of `users` as they are now.

    Raises Invalid if one does not exist.
    """
    room, member = await lock_visible_room(uow, actor, room_id)
    require_permission(Permission.ADD, room, member, actor)
    require_not_archived(room)
    await require_users(uow, users)
    present = await uow.members.filter_members(room_id, users)
    new = [user for user in dict.fromkeys(users) if user not in present]
    await admit(uow, room, actor.user, new, Role.MEMBER, now())
    for user in new:
        uow.audit_log.record(actor.user, AuditAction.MEMBER_ADDED, AuditTarget(room_id, user))
    await uow.flush()
    rows = await uow.members.with_accounts(room_id, users)
    return member_views(room, actor, [rows[user] for user in dict.fromkeys(users)])


async def remove_member(uow: UnitOfWork, actor: Actor, room_id: UUID, user: UUID) -> None:
    """Raises NotFound if the user is not a member."""
    room, member = await lock_visible_room(uow, actor, room_id)
    role = require_permission(Permission.REMOVE, room, member, actor)
    require_not_archived(room)
    target, _ = await member_with_account(uow, room_id, user)
    if user == actor.user:
        raise Forbidden("To go yourself, leave the room: POST /api/v1/rooms/{id}/leave.")
    require_rank(role, target.role)
    uow.audit_log.record(
        actor.user,
        AuditAction.MEMBER_REMOVED,
        AuditTarget(room_id, user),
        before={"role": target.role},
    )
    await evict(uow, room, actor, target)


async def evict(uow: UnitOfWork, room: LockedRoom, actor: Actor, member: Member) -> None:
    """Raises LastOwner."""
    await keep_an_owner(uow, room, member)
    await _remove_member(uow, room, actor, member, MemberRemoved)


def member_views(
    room: Room, actor: Actor, rows: Sequence[tuple[Member, User]]
) -> Sequence[MemberView]:
    settings = room_settings(room)
    return [
        MemberView(
            member,
            user,
            member.read_seq if shows_marker(settings, user, actor.user) else None,
        )
        for member, user in rows
    ]


async def member_with_account(uow: UnitOfWork, room_id: UUID, user_id: UUID) -> tuple[Member, User]:
    rows = await uow.members.with_accounts(room_id, [user_id])
    if not rows:
        raise NotFound("This user is not a member of the room.")
    return rows[user_id]


async def keep_an_owner(uow: UnitOfWork, room: LockedRoom, going: Member) -> None:
    if (
        going.role == Role.OWNER
        and room.kind != RoomKind.DIRECT
        and not await uow.members.has_other_owner(room.id, going.user_id)
    ):
        raise LastOwner(
            "This is the room's only owner. Make somebody else an owner first, or archive the room."
        )


async def _remove_member(
    uow: UnitOfWork,
    room: LockedRoom,
    actor: Actor,
    member: Member,
    event: type[MemberLeft] | type[MemberRemoved],
) -> None:
    await uow.members.remove(member, room.seq + 1, visible_after(room, member) or None)
    gone = MemberRef(user=member.user_id, role=member.role)
    uow.user_logs.add(member.user_id, _USER_EVENT_TYPES[event], room.id)
    for thread in await uow.drafts.delete_room(member.user_id, room.id):
        uow.user_logs.add_item(member.user_id, ItemKey(ItemKind.DRAFT, room.id, thread))
    uow.append_event(
        room,
        lambda seq: event(room=room.id, seq=seq, actor=actor.user, at=now(), member=gone),
    )
