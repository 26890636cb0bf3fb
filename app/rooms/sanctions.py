"""Use cases of bans and time-outs in rooms."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget, Values
from app.core.clock import now
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.room_tables import RoomSanction
from app.persistence.tables import Member
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import (
    get_visible_room,
    lock_visible_room,
    require_not_archived,
    require_permission,
)
from app.rooms.membership import evict
from app.rooms.policy import require_rank
from app.wire.audit import AuditAction
from app.wire.domain import Permission, Role, SanctionKind
from app.wire.errors import Forbidden, Invalid, NotFound
from app.wire.events import MemberRef, MemberTimeout

PERMISSIONS = {
    SanctionKind.BAN: Permission.REMOVE,
    SanctionKind.TIME_OUT: Permission.TIME_OUT,
}
SET_ACTIONS = {
    SanctionKind.BAN: AuditAction.MEMBER_BANNED,
    SanctionKind.TIME_OUT: AuditAction.MEMBER_TIMED_OUT,
}
LIFT_ACTIONS = {
    SanctionKind.BAN: AuditAction.MEMBER_UNBANNED,
    SanctionKind.TIME_OUT: AuditAction.TIME_OUT_LIFTED,
}


async def list_sanctions(
    reader: ReadSession,
    actor: Actor,
    room_id: UUID,
    kind: SanctionKind,
    after: UUID | None,
    limit: int,
) -> Sequence[RoomSanction]:
    """Also those that have ended. Raises NotFound, Forbidden."""
    room, member = await get_visible_room(reader, actor, room_id)
    require_permission(PERMISSIONS[kind], room, member, actor)
    return await reader.room_sanctions.page(room_id, kind, after, limit)


async def set_sanction(
    uow: UnitOfWork,
    actor: Actor,
    room_id: UUID,
    kind: SanctionKind,
    user: UUID,
    until: datetime | None,
    reason: str,
) -> RoomSanction:
    """A ban also removes a member; somebody who is none can be banned, too. The same again changes
    nothing. Raises NotFound, Forbidden, RoomArchived, LastOwner, Invalid."""
    room, target = await _lock(uow, actor, room_id, kind, user)
    at = now()
    if until is not None and until <= at:
        raise Invalid("`until` is in the past.", [{"path": "until", "message": "is in the past"}])
    if user == actor.user:
        raise Forbidden("You cannot ban yourself, nor time yourself out.")
    if target is None:
        await _require_banned_exists(uow, kind, user)
    before = await uow.room_sanctions.get(room_id, kind, user)
    is_same = before is not None and (before.until, before.reason) == (until, reason)
    if before is None or not is_same:
        uow.audit_log.record(
            actor.user,
            SET_ACTIONS[kind],
            AuditTarget(room_id, user),
            reason=reason,
            before=_describe(before) if before else None,
            after={"until": until},
        )
        before = await uow.room_sanctions.put(
            RoomSanction(
                room_id=room_id,
                kind=kind,
                user_id=user,
                until=until,
                reason=reason,
                set_by=actor.user,
                at=at,
            )
        )
    if target is not None and kind is SanctionKind.BAN:
        await evict(uow, room, actor, target)
    elif target is not None and target.timed_out_until != until:
        _set_time_out(uow, room, actor, target, until)
    return before


async def lift_sanction(
    uow: UnitOfWork, actor: Actor, room_id: UUID, kind: SanctionKind, user: UUID
) -> None:
    """Lifting it again changes nothing. Raises NotFound, Forbidden, RoomArchived."""
    room, target = await _lock(uow, actor, room_id, kind, user)
    sanction = await uow.room_sanctions.get(room_id, kind, user)
    if sanction is not None:
        uow.audit_log.record(
            actor.user,
            LIFT_ACTIONS[kind],
            AuditTarget(room_id, user),
            before=_describe(sanction),
        )
        await uow.room_sanctions.delete(sanction)
    if target is not None and kind is SanctionKind.TIME_OUT and target.timed_out_until:
        _set_time_out(uow, room, actor, target, None)


async def _lock(
    uow: UnitOfWork, actor: Actor, room_id: UUID, kind: SanctionKind, user: UUID
) -> tuple[LockedRoom, Member | None]:
    """The room, and the membership of the user, which is of a lower rank. Raises NotFound,
    Forbidden, RoomArchived."""
    room, member = await lock_visible_room(uow, actor, room_id)
    role = require_permission(PERMISSIONS[kind], room, member, actor)
    require_not_archived(room)
    target = await uow.members.get(room_id, user)
    require_rank(role, target.role if target else Role.GUEST)
    if kind is SanctionKind.TIME_OUT and target and target.role is Role.OWNER:
        raise Forbidden("Owners have all permissions: take the role first.")
    return room, target


async def _require_banned_exists(uow: UnitOfWork, kind: SanctionKind, user: UUID) -> None:
    """Raises NotFound."""
    if kind is SanctionKind.TIME_OUT:
        raise NotFound("This user is not a member of the room.")
    if not await uow.users.existing_ids([user]):
        raise NotFound("There is no such user.")


def _describe(sanction: RoomSanction) -> Values:
    return {"until": sanction.until, "reason": sanction.reason, "set_by": sanction.set_by}


def _set_time_out(
    uow: UnitOfWork, room: LockedRoom, actor: Actor, target: Member, until: datetime | None
) -> None:
    target.timed_out_until = until
    member = MemberRef(user=target.user_id, role=target.role)
    uow.append_event(
        room,
        lambda seq: MemberTimeout(
            room=room.id, seq=seq, actor=actor.user, at=now(), member=member, until=until
        ),
    )
