"""Access to a room. A room that the user may not see is answered like one that does not exist,
after the same statements, and without waiting for its lock, which would show that it exists."""

from collections.abc import Collection
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.tables import Member, Room
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms import policy, standing
from app.rooms.policy import NO_ROOM, membership_error
from app.rooms.standing import Standing
from app.wire.domain import Permission, Role, RoomKind
from app.wire.errors import ChatError, NotFound


async def get_visible_room(
    reader: ReadSession, actor: Actor, room_id: UUID
) -> tuple[Room, Member | None]:
    """A public room, or one that the actor is a member of. Raises NotFound."""
    room, member = await reader.rooms.with_member(room_id, actor.user)
    if room is None or (member is None and room.kind != RoomKind.PUBLIC):
        raise NotFound(NO_ROOM)
    return room, member


async def get_member_room(reader: ReadSession, actor: Actor, room_id: UUID) -> tuple[Room, Member]:
    """A room whose log the actor may read. Raises NotFound, or Forbidden for a public room that
    the actor has not joined."""
    room, member = await get_visible_room(reader, actor, room_id)
    return room, _require_member(room, member)


async def require_membership(reads: DirectReads, user_id: UUID, room_id: UUID) -> None:
    """Raises what `get_member_room` raises."""
    kind, is_member = await reads.access.find(room_id, user_id)
    if not is_member:
        raise membership_error(kind)


async def membership_errors(reads: DirectReads, rooms: Collection[UUID]) -> dict[UUID, ChatError]:
    """What a user is answered who is not a member of these rooms."""
    kinds = await reads.access.kinds(rooms) if rooms else {}
    return {room: membership_error(kinds.get(room)) for room in rooms}


async def lock_visible_room(
    uow: UnitOfWork, actor: Actor, room_id: UUID
) -> tuple[LockedRoom, Member | None]:
    """Like `get_visible_room`, with the room's row locked: the membership that is returned still
    holds at the seq that is recorded."""
    if not await uow.rooms.is_visible(room_id, actor.user):
        raise NotFound(NO_ROOM)
    room = await uow.rooms.lock(room_id)
    member = await uow.members.get(room_id, actor.user) if room else None
    if room is None or (member is None and room.kind != RoomKind.PUBLIC):
        raise NotFound(NO_ROOM)
    return room, member


async def lock_member_room(
    uow: UnitOfWork, actor: Actor, room_id: UUID
) -> tuple[LockedRoom, Member]:
    """Like `get_member_room`, with the room's row locked."""
    room, member = await lock_visible_room(uow, actor, room_id)
    return room, _require_member(room, member)


def require_permission(
    permission: Permission, room: Room, member: Member | None, actor: Actor
) -> Role:
    """The role in which the actor uses the permission. Raises Forbidden."""
    return standing.require_permission(permission, find_standing(room, member, actor))


def visible_after(room: Room, member: Member) -> int:
    """What a member may read begins after this seq (`repositories/member_filter.py`)."""
    seq = member.visible_after_seq or 0
    return seq if seq > (room.opened_seq or 0) else 0


def find_standing(room: Room, member: Member | None, actor: Actor) -> Standing:
    return make_standing(room, member, actor.user, is_server_admin=actor.is_admin)


def make_standing(
    room: Room, member: Member | None, user: UUID, *, is_server_admin: bool
) -> Standing:
    """Of whichever user; `member` is their membership."""
    until = member.timed_out_until if member else None
    return Standing(
        user,
        is_server_admin,
        room.kind,
        member.role if member else None,
        room.overrides,
        room.settings,
        until if until is not None and until > now() else None,
        room.blocked_by,
    )


def require_not_archived(room: Room) -> None:
    """Raises RoomArchived."""
    policy.require_not_archived(archived=room.archived_at is not None)


def _require_member(room: Room, member: Member | None) -> Member:
    if member is None:
        raise membership_error(room.kind)
    return member
