"""Use cases of invite links. A user who knows the code of one may join, unless they are banned."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget, Values
from app.core.clock import now
from app.core.ids import new_id
from app.persistence.room_tables import RoomInvite, RoomInviteUse
from app.persistence.tables import Room
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms import standing as standing_rules
from app.rooms.access import (
    find_standing,
    get_visible_room,
    lock_visible_room,
    make_standing,
    require_not_archived,
    require_permission,
)
from app.rooms.admission import admit, refuse_banned
from app.rooms.policy import require_rank
from app.rooms.service import RoomView, refuse_too_many, view
from app.rooms.standing import Standing
from app.wire.audit import AuditAction
from app.wire.domain import Permission, Role
from app.wire.errors import Forbidden, Invalid, NotFound, QuotaExceeded
from app.wire.schemas.invites import CreateInvite

CODE_BYTES = 16
MAX_SHOWN_MEMBERS = 1000
MAKER_MAY_NOT_INVITE = (
    "This invite link does not work any more: who made it may no longer invite users to this room "
    "in this way. Ask a member for another one."
)
NO_INVITE = "There is no such invite link, or it was revoked, has expired or is used up."


class Preview(NamedTuple):
    invite: RoomInvite
    room: Room
    members: int
    joined: bool


async def create_invite(
    uow: UnitOfWork, actor: Actor, room_id: UUID, spec: CreateInvite, max_open: int
) -> RoomInvite:
    """Raises NotFound, Forbidden, RoomArchived, Invalid, QuotaExceeded."""
    room, member = await lock_visible_room(uow, actor, room_id)
    _require_right_to_invite(find_standing(room, member, actor), spec.role)
    require_not_archived(room)
    at = now()
    if spec.expires_at is not None and spec.expires_at <= at:
        raise Invalid(
            "`expires_at` is in the past.", [{"path": "expires_at", "message": "is in the past"}]
        )
    if await uow.room_invites.count_open(room_id, at) >= max_open:
        raise QuotaExceeded(f"A room has at most {max_open} open invite links. Revoke one.")
    invite = RoomInvite(
        id=new_id(),
        room_id=room_id,
        code=secrets.token_urlsafe(CODE_BYTES),
        role=spec.role,
        created_by=actor.user,
        created_at=at,
        expires_at=spec.expires_at,
        max_uses=spec.max_uses,
        uses=0,
    )
    uow.room_invites.add(invite)
    uow.audit_log.record(
        actor.user, AuditAction.INVITE_CREATED, AuditTarget(room_id), after=_describe(invite)
    )
    return invite


async def list_invites(
    reader: ReadSession, actor: Actor, room_id: UUID, after: UUID | None, limit: int
) -> Sequence[RoomInvite]:
    """All that were made, the oldest first. Raises NotFound, Forbidden."""
    room, member = await get_visible_room(reader, actor, room_id)
    require_permission(Permission.ADD, room, member, actor)
    return await reader.room_invites.page(room_id, after, limit)


async def list_uses(
    reader: ReadSession, actor: Actor, room_id: UUID, id_: UUID, after: UUID | None, limit: int
) -> Sequence[RoomInviteUse]:
    """Raises NotFound, Forbidden."""
    room, member = await get_visible_room(reader, actor, room_id)
    require_permission(Permission.ADD, room, member, actor)
    if await reader.room_invites.get(room_id, id_) is None:
        raise NotFound(NO_INVITE)
    return await reader.room_invites.page_of_uses(id_, after, limit)


async def revoke_invite(uow: UnitOfWork, actor: Actor, room_id: UUID, id_: UUID) -> None:
    """An own one, or with the permission to remove members; again changes nothing. Raises NotFound,
    Forbidden."""
    room, member = await lock_visible_room(uow, actor, room_id)
    require_permission(Permission.ADD, room, member, actor)
    invite = await uow.room_invites.get(room_id, id_)
    if invite is None:
        raise NotFound(NO_INVITE)
    if invite.created_by != actor.user:
        require_permission(Permission.REMOVE, room, member, actor)
    if invite.revoked_at is None:
        invite.revoked_at = now()
        uow.audit_log.record(
            actor.user, AuditAction.INVITE_REVOKED, AuditTarget(room_id), before=_describe(invite)
        )


async def preview_invite(reader: ReadSession, actor: Actor, code: str) -> Preview:
    """Raises NotFound; Forbidden for those who are banned, and if the maker may not invite."""
    pair = await reader.room_invites.find(code)
    if pair is None or not _is_open(*pair, now()):
        raise NotFound(NO_INVITE)
    invite, room = pair
    await _require_maker(reader, room, invite)
    await refuse_banned(reader, room.id, actor.user, [actor.user], now())
    joined = await reader.members.get(room.id, actor.user) is not None
    members = await reader.room_invites.count_members(room.id, MAX_SHOWN_MEMBERS)
    return Preview(invite, room, members, joined)


async def join_by_invite(uow: UnitOfWork, actor: Actor, code: str, max_rooms: int) -> RoomView:
    """A member stays as they are, and uses nothing up. Raises NotFound, Forbidden,
    QuotaExceeded."""
    pair = await uow.room_invites.find(code)
    if pair is None:
        raise NotFound(NO_INVITE)
    room = await uow.rooms.lock(pair[1].id)
    invite = await uow.room_invites.get(pair[1].id, pair[0].id) if room else None
    if room is None or invite is None:
        raise NotFound(NO_INVITE)
    if await uow.members.get(room.id, actor.user) is None:
        at = now()
        if not _is_open(invite, room, at):
            raise NotFound(NO_INVITE)
        await _require_maker(uow, room, invite)
        await refuse_too_many(uow, actor.user, max_rooms)
        await admit(uow, room, actor.user, [actor.user], invite.role, at)
        await uow.room_invites.note_use(invite, actor.user, at)
        await uow.flush()
    return await view(uow, actor, room.id)


def _require_right_to_invite(standing: Standing, invited: Role) -> None:
    """Raises Forbidden."""
    role = standing_rules.require_permission(Permission.ADD, standing)
    if invited not in (Role.MEMBER, Role.GUEST):
        standing_rules.require_permission(Permission.SET_ROLE, standing)
        require_rank(role, invited)
    elif invited is Role.MEMBER and role is Role.GUEST:
        raise Forbidden("As guest you may invite guests only.")


async def _require_maker(reader: ReadSession, room: Room, invite: RoomInvite) -> None:
    """The maker of an invite has to be able to make it still. Raises Forbidden."""
    maker = await reader.users.get(invite.created_by)
    member = await reader.members.get(room.id, invite.created_by)
    try:
        if maker is None or maker.banned_at is not None:
            raise Forbidden(MAKER_MAY_NOT_INVITE)
        standing = make_standing(room, member, maker.id, is_server_admin=maker.is_admin)
        _require_right_to_invite(standing, invite.role)
    except Forbidden as error:
        raise Forbidden(MAKER_MAY_NOT_INVITE) from error


def _describe(invite: RoomInvite) -> Values:
    """Without its code."""
    return {
        "invite": invite.id,
        "role": invite.role,
        "created_by": invite.created_by,
        "expires_at": invite.expires_at,
        "max_uses": invite.max_uses,
        "uses": invite.uses,
    }


def _is_open(invite: RoomInvite, room: Room, at: datetime) -> bool:
    return (
        invite.revoked_at is None
        and (invite.expires_at is None or invite.expires_at > at)
        and (invite.max_uses is None or invite.uses < invite.max_uses)
        and room.archived_at is None
    )
