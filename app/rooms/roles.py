"""Use cases of roles: change one, transfer a room."""

from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.tables import Member
from app.persistence.uow import UnitOfWork
from app.rooms.access import (
    lock_member_room,
    lock_visible_room,
    require_not_archived,
    require_permission,
)
from app.rooms.membership import keep_an_owner, member_views, member_with_account
from app.rooms.policy import require_rank
from app.rooms.service import MemberView
from app.wire.audit import AuditAction
from app.wire.domain import Permission, Role
from app.wire.errors import Forbidden
from app.wire.events import MemberRef, MemberRoleChanged


async def set_role(
    uow: UnitOfWork, actor: Actor, room_id: UUID, user: UUID, role: Role
) -> MemberView:
    """Raises LastOwner if there is no other owner; the same role again changes nothing."""
    room, member = await lock_visible_room(uow, actor, room_id)
    acting_role = require_permission(Permission.SET_ROLE, room, member, actor)
    require_not_archived(room)
    target, account = await member_with_account(uow, room_id, user)
    if target.role != role:
        require_rank(acting_role, target.role)
        require_rank(acting_role, role)
        await keep_an_owner(uow, room, target)
        uow.audit_log.record(
            actor.user,
            AuditAction.ROLE_CHANGED,
            AuditTarget(room_id, user),
            before={"role": target.role},
            after={"role": role},
        )
        change_role(uow, room, actor.user, target, role)
    [view] = member_views(room, actor, [(target, account)])
    return view


async def transfer(uow: UnitOfWork, actor: Actor, room_id: UUID, user: UUID) -> MemberView:
    """Another member becomes an owner, and the actor, who is one, an admin. Raises NotFound,
    Forbidden, RoomArchived."""
    room, member = await lock_member_room(uow, actor, room_id)
    require_not_archived(room)
    if member.role != Role.OWNER:
        raise Forbidden("Only an owner of the room gives it to somebody else.")
    if user == actor.user:
        raise Forbidden("The room is yours already.")
    target, account = await member_with_account(uow, room_id, user)
    uow.audit_log.record(
        actor.user,
        AuditAction.ROOM_TRANSFERRED,
        AuditTarget(room_id, user),
        before={"role": target.role},
        after={"role": Role.OWNER},
    )
    if target.role != Role.OWNER:
        change_role(uow, room, actor.user, target, Role.OWNER)
    change_role(uow, room, actor.user, member, Role.ADMIN)
    [view] = member_views(room, actor, [(target, account)])
    return view


def change_role(uow: UnitOfWork, room: LockedRoom, actor: UUID, member: Member, role: Role) -> None:
    member.role = role
    membership = MemberRef(user=member.user_id, role=role)
    uow.append_event(
        room,
        lambda seq: MemberRoleChanged(
            room=room.id, seq=seq, actor=actor, at=now(), member=membership
        ),
    )
