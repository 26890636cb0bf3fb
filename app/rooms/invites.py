"""Use cases of invite links. A user who knows the code of one may join, unless they are banned."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.persistence.room_tables import RoomInvite, RoomInviteUse
from app.persistence.tables import Room
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import (
    get_visible_room,
    lock_visible_room,
    require_not_archived,
    require_permission,
)
from app.rooms.admission import admit, refuse_banned
from app.rooms.policy import require_rank
from app.rooms.service import RoomView, refuse_too_many, view
from app.wire.domain import Permission, Role
from app.wire.errors import Forbidden, Invalid, NotFound, QuotaExceeded
from app.wire.schemas.invites import CreateInvite

CODE_BYTES = 16
MAX_OPEN_INVITES = 100  # of a room
MAX_SHOWN_MEMBERS = 1000
NO_INVITE = "There is no such invite link, or it was revoked, has expired or is used up."


class Preview(NamedTuple):
    invite: RoomInvite
    room: Room
    members: int
    joined: bool


async def create_invite(
    uow: UnitOfWork, actor: Actor, room_id: UUID, spec: CreateInvite
) -> RoomInvite:
    """Raises NotFound, Forbidden, RoomArchived, Invalid, QuotaExceeded."""
    room, member = await lock_visible_room(uow, actor, room_id)
    role = require_permission(Permission.ADD, room, member, actor)
    if spec.role not in (Role.MEMBER, Role.GUEST):
        require_permission(Permission.SET_ROLE, room, member, actor)
        require_rank(role, spec.role)
    elif spec.role is Role.MEMBER and role is Role.GUEST:
        raise Forbidden("As guest you may invite guests only.")
    require_not_archived(room)
    at = now()
    if spec.expires_at is not None and spec.expires_at <= at:
        raise Invalid(
            "`expires_at` is in the past.", [{"path": "expires_at", "message": "is in the past"}]
        )
    if await uow.room_invites.count_open(room_id, at) >= MAX_OPEN_INVITES:
        raise QuotaExceeded(f"A room has at most {MAX_OPEN_INVITES} open invite links. Revoke one.")
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


async def preview_invite(reader: ReadSession, actor: Actor, code: str) -> Preview:
    """Raises NotFound, and Forbidden for those who are banned."""
    pair = await reader.room_invites.find(code)
    if pair is None or not _is_open(*pair, now()):
        raise NotFound(NO_INVITE)
    invite, room = pair
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
        await refuse_too_many(uow, actor.user, max_rooms)
        await admit(uow, room, actor.user, [actor.user], invite.role, at)
        await uow.room_invites.note_use(invite, actor.user, at)
        await uow.flush()
    return await view(uow, actor, room.id)


def _is_open(invite: RoomInvite, room: Room, at: datetime) -> bool:
    return (
        invite.revoked_at is None
        and (invite.expires_at is None or invite.expires_at > at)
        and (invite.max_uses is None or invite.uses < invite.max_uses)
        and room.archived_at is None
    )
