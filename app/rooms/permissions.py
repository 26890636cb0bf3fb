"""Use cases of permissions: what a room allows or denies to roles and persons, besides the
defaults (`policy.py`)."""

from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import (
    find_standing,
    get_visible_room,
    lock_visible_room,
    require_not_archived,
    require_permission,
)
from app.rooms.overrides import (
    NO_OVERRIDE,
    Override,
    Target,
    parse_overrides,
)
from app.rooms.policy import membership_error, require_rank
from app.rooms.standing import find_permissions
from app.wire.audit import AuditAction
from app.wire.domain import Permission, Role
from app.wire.errors import Forbidden, NotFound, QuotaExceeded
from app.wire.events import PermissionsChanged
from app.wire.overrides import OverrideOut

OWNERS_HAVE_ALL = "Owners have all permissions, so that nobody is locked out: take the role first."


async def list_overrides(reader: ReadSession, actor: Actor, room_id: UUID) -> list[OverrideOut]:
    """Roles first, then users. Raises NotFound, Forbidden."""
    room, member = await get_visible_room(reader, actor, room_id)
    if find_standing(room, member, actor).acting_role is None:
        raise membership_error(room.kind)
    entries = [
        override_out(_to_target(key), override)
        for key, override in parse_overrides(room.overrides).by_target.items()
    ]
    return sorted(entries, key=lambda entry: (entry.role is None, entry.role or str(entry.user)))


async def set_override(
    uow: UnitOfWork,
    actor: Actor,
    room_id: UUID,
    target: Target,
    override: Override,
    max_overrides: int,
) -> OverrideOut:
    """What the room says about this role or person afterwards; the same again changes nothing.

    Nobody changes what they may not do themselves, nor somebody of an equal or higher rank. Raises
    NotFound, Forbidden, RoomArchived, QuotaExceeded.
    """
    room, member = await lock_visible_room(uow, actor, room_id)
    role = require_permission(Permission.MANAGE_PERMISSIONS, room, member, actor)
    require_not_archived(room)
    if override != NO_OVERRIDE or isinstance(target, Role):
        await _require_lower(uow, room, role, target)
    else:  # also of somebody who has left
        former = await uow.members.get(room_id, target)
        require_rank(role, former.role if former else Role.GUEST)
    overrides = parse_overrides(room.overrides)
    before = overrides.get(target)
    beyond = before.difference(override) - find_permissions(find_standing(room, member, actor))
    if beyond:
        raise Forbidden(
            f"You may not change what you may not do yourself: {', '.join(sorted(beyond))}."
        )
    if override != before:
        changed = overrides.replace(target, override)
        if len(changed.by_target) > max(max_overrides, len(overrides.by_target)):
            raise QuotaExceeded(
                f"A room has at most {max_overrides} overrides. Delete one, or use a role."
            )
        room.overrides = changed.encode()
        uow.audit_log.record(
            actor.user,
            AuditAction.PERMISSIONS_CHANGED,
            AuditTarget(room_id, target if isinstance(target, UUID) else None),
            before=override_out(target, before).model_dump(),
            after=override_out(target, override).model_dump(),
        )
        uow.append_event(
            room,
            lambda seq: PermissionsChanged(
                room=room.id,
                seq=seq,
                actor=actor.user,
                at=now(),
                override=override_out(target, override),
            ),
        )
    return override_out(target, override)


async def delete_override(uow: UnitOfWork, actor: Actor, room_id: UUID, target: Target) -> None:
    """The defaults count again. Raises what `set_override` raises."""
    await set_override(uow, actor, room_id, target, NO_OVERRIDE, max_overrides=0)


def override_out(target: Target, override: Override) -> OverrideOut:
    return OverrideOut(
        role=target if isinstance(target, Role) else None,
        user=target if isinstance(target, UUID) else None,
        allow=sorted(override.allow),
        deny=sorted(override.deny),
    )


async def _require_lower(uow: UnitOfWork, room: LockedRoom, role: Role, target: Target) -> None:
    """Raises Forbidden, NotFound."""
    target_role = target
    if isinstance(target, UUID):
        member = await uow.members.get(room.id, target)
        if member is None:
            raise NotFound("This user is not a member of the room.")
        target_role = member.role
    assert isinstance(target_role, Role)
    if target_role is Role.OWNER:
        raise Forbidden(OWNERS_HAVE_ALL)
    require_rank(role, target_role)


def _to_target(key: str) -> Target:
    return Role(key) if key in Role.__members__.values() else UUID(key)
