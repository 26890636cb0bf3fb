"""The door of a room: what a person may not know of answers like what does not exist, after the
same statements, and without waiting for its lock, which would show that it exists."""

from collections.abc import Collection
from uuid import UUID

from app.core.actor import Actor
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.tables import Member, Room
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.policy import Action, may
from app.wire.domain import Role, RoomKind
from app.wire.errors import ChatError, Forbidden, NotFound, RoomArchived

NO_ROOM = "There is no such room, or you may not see it."
JOIN_FIRST = "You are not a member of this public room. Join it first."


async def see(reads: ReadSession, actor: Actor, room_id: UUID) -> tuple[Room, Member | None]:
    """A room that the actor may know of: a public one, or one of theirs. Raises NotFound."""
    room, member = await reads.rooms.with_member(room_id, actor.user)
    if room is None or (member is None and room.kind != RoomKind.PUBLIC):
        raise NotFound(NO_ROOM)
    return room, member


async def enter(reads: ReadSession, actor: Actor, room_id: UUID) -> tuple[Room, Member]:
    """A room whose log the actor may read. Raises NotFound, or Forbidden for a public room that
    the actor has not joined."""
    room, member = await see(reads, actor, room_id)
    return room, _joined(member)


async def refusals(reads: ReadSession, rooms: Collection[UUID]) -> dict[UUID, ChatError]:
    """What `enter` would raise, for rooms that somebody is no member of."""
    kinds = await reads.rooms.kinds(rooms) if rooms else {}
    return {
        room: Forbidden(JOIN_FIRST) if kinds.get(room) == RoomKind.PUBLIC else NotFound(NO_ROOM)
        for room in rooms
    }


async def lock_seen(
    uow: UnitOfWork, actor: Actor, room_id: UUID
) -> tuple[LockedRoom, Member | None]:
    """Like `see`, and then with the room's row locked: membership cannot change any more, so that
    what is decided here holds at the seq that is recorded."""
    if not await uow.rooms.is_visible(room_id, actor.user):
        raise NotFound(NO_ROOM)
    room = await uow.rooms.lock(room_id)
    member = await uow.members.get(room_id, actor.user) if room else None
    if room is None or (member is None and room.kind != RoomKind.PUBLIC):
        raise NotFound(NO_ROOM)
    return room, member


async def lock_entered(uow: UnitOfWork, actor: Actor, room_id: UUID) -> tuple[LockedRoom, Member]:
    """Like `enter`, and then with the room's row locked."""
    room, member = await lock_seen(uow, actor, room_id)
    return room, _joined(member)


def refuse_archived(room: Room) -> None:
    if room.archived_at is not None:
        raise archived()


def archived() -> RoomArchived:
    return RoomArchived("The room is archived: it can be read, but not changed.")


def require(action: Action, room: Room, member: Member | None, actor: Actor) -> Role:
    """The role in which the actor may do this; server administrators act as owners of public
    rooms. Raises Forbidden."""
    role = member.role if member else None
    if actor.is_admin and room.kind == RoomKind.PUBLIC:
        role = Role.OWNER
    if role is None or not may(action, room.kind, role):
        raise Forbidden(
            f"You may not {action} in this {room.kind} room"
            + (f" as {role}." if role else " without being a member.")
        )
    return role


def _joined(member: Member | None) -> Member:
    if member is None:
        raise Forbidden(JOIN_FIRST)
    return member
