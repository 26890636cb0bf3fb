"""Use cases of rooms: create, find, list, change."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget, Values, find_changes
from app.core.clock import now
from app.core.ids import new_id
from app.persistence.repositories.room_lists import RoomListRow
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.tables import Member, Room, User
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import (
    get_visible_room,
    lock_visible_room,
    require_not_archived,
    require_permission,
)
from app.rooms.settings import change_settings, needed_permissions, room_settings
from app.rooms.standing import block_error
from app.settings import Directory
from app.users.directory import no_users, require_reachable
from app.wire.audit import AuditAction
from app.wire.domain import Permission, Role, RoomKind
from app.wire.errors import QuotaExceeded
from app.wire.events import MemberJoined, MemberRef, RoomChanged, RoomCreated, RoomDetails
from app.wire.room_settings import RoomSettings, parse_settings
from app.wire.schemas.rooms import CreateRoom, UpdateRoom
from app.wire.user_and_room_names import normalized_name
from app.wire.user_events import UserEventType

# A room as one user sees it: an entry of the user's list, or a public room that the user is not in.
RoomView = Room | RoomListRow


class MemberView(NamedTuple):
    """A member as another one sees them; `read_seq` is None if it is not shown."""

    member: Member
    user: User
    read_seq: int | None


class CreateResult(NamedTuple):
    """The room, and whether this call created it."""

    view: RoomView
    is_new: bool


async def create_room(
    uow: UnitOfWork, actor: Actor, spec: CreateRoom, max_rooms: int, directory: Directory
) -> CreateResult:
    """A room with its members, all or nothing. A direct room that exists is returned as it is.

    Raises Invalid if a member does not exist, or is hidden from the user who opens a direct room;
    QuotaExceeded past `max_rooms` rooms of the creator; Forbidden for a new direct room where the
    directory shows nobody, or of two users of whom one has blocked the other.
    """
    direct_key = None
    if spec.kind is RoomKind.DIRECT:
        direct_key = make_direct_key(actor.user, spec.members[0])
        existing = await uow.rooms.direct(direct_key)
        if existing:
            return CreateResult(await view(uow, actor, existing.id), is_new=False)
        await require_reachable(uow, actor, spec.members[0], directory)
    await refuse_too_many(uow, actor.user, max_rooms)
    await require_users(uow, spec.members)
    people = list(dict.fromkeys([actor.user, *spec.members]))
    if direct_key is not None:
        await _require_unblocked(uow, people)
    at = now()
    room = await uow.rooms.add(
        Room(
            id=new_id(),
            kind=spec.kind,
            name=spec.name,
            name_key=normalized_name(spec.name) if spec.name else None,
            topic=spec.topic,
            direct_key=direct_key,
            seq=0,
            created_at=at,
        )
    )
    uow.append_event(
        room,
        lambda seq: RoomCreated(
            room=room.id, seq=seq, actor=actor.user, at=at, details=details(room)
        ),
    )
    for user in people:
        is_owner = user == actor.user and spec.kind is not RoomKind.DIRECT
        add_member(uow, room, actor.user, user, Role.OWNER if is_owner else Role.MEMBER, at)
    await uow.flush()
    return CreateResult(await view(uow, actor, room.id), is_new=True)


async def view(reader: ReadSession, actor: Actor, room_id: UUID) -> RoomView:
    """Raises NotFound for a room that the actor may not know of."""
    room, member = await get_visible_room(reader, actor, room_id)
    rows = await reader.room_lists.entries([(room.id, actor.user)]) if member else []
    return rows[0] if rows else room


async def list_rooms(
    reader: ReadSession, user: UUID, after: UUID | None, limit: int
) -> Sequence[RoomView]:
    """The user's rooms with exact counts, by id."""
    return await reader.room_lists.page(user, after, limit)


async def public_rooms(
    reader: ReadSession, query: str, after: tuple[str, UUID] | None, limit: int
) -> Sequence[Room]:
    return await reader.rooms.public(normalized_name(query), after, limit)


async def update_room(uow: UnitOfWork, actor: Actor, room_id: UUID, change: UpdateRoom) -> RoomView:
    """Rename, set the topic, archive or restore; one event, and none if nothing changes."""
    room, member = await lock_visible_room(uow, actor, room_id)
    before = details(room)
    needed = needed_permissions(change)
    if needed:
        for permission in needed:
            require_permission(permission, room, member, actor)
        if change.archived is not False:  # else it is restored below
            require_not_archived(room)
        if change.name is not None:
            room.name, room.name_key = change.name, normalized_name(change.name)
        if change.topic is not None:
            room.topic = change.topic
        if change.settings is not None:
            await change_settings(uow, room, actor, change.settings)
    if change.archived is not None:
        require_permission(Permission.ARCHIVE, room, member, actor)
        if change.archived != before.archived:
            room.archived_at = now() if change.archived else None
    after = details(room)
    if after != before:
        _record(uow, room, actor, before, after)
        uow.append_event(
            room,
            lambda seq: RoomChanged(
                room=room.id, seq=seq, actor=actor.user, at=now(), details=after
            ),
        )
    await uow.flush()
    return await view(uow, actor, room_id)


def _record(
    uow: UnitOfWork, room: LockedRoom, actor: Actor, before: RoomDetails, after: RoomDetails
) -> None:
    target = AuditTarget(room.id)
    if after.archived != before.archived:
        action = AuditAction.ROOM_ARCHIVED if after.archived else AuditAction.ROOM_RESTORED
        uow.audit_log.record(actor.user, action, target)
    changes = find_changes(_audited(before), _audited(after))
    if any(changes):
        uow.audit_log.record(
            actor.user, AuditAction.ROOM_UPDATED, target, before=changes[0], after=changes[1]
        )


def _audited(details: RoomDetails) -> Values:
    """What of the room is in the audit log, beside whether it is archived."""
    settings = details.settings or RoomSettings()
    return {"name": details.name, "topic": details.topic, **settings.model_dump()}


async def archive_room(uow: UnitOfWork, actor: Actor, room_id: UUID) -> None:
    await update_room(uow, actor, room_id, UpdateRoom(archived=True))


def details(room: Room) -> RoomDetails:
    return RoomDetails(
        kind=room.kind,
        name=room.name,
        topic=room.topic,
        archived=room.archived_at is not None,
        # Said also with their defaults where the room was opened (`publications.py`).
        settings=parse_settings(room.settings) if room.settings or room.opened_seq else None,
    )


def add_member(
    uow: UnitOfWork,
    room: LockedRoom,
    actor: UUID,
    user: UUID,
    role: Role,
    at: datetime,
    timed_out_until: datetime | None = None,
) -> None:
    """Add a member, who is not banned (`admission.py`); everything up to their joining counts as
    read, and is hidden from them if the room says so."""
    hides_past = room_settings(room).history == "since_joining"
    visible_after_seq = room.seq if hides_past else None
    uow.append_event(
        room,
        lambda seq: MemberJoined(
            room=room.id,
            seq=seq,
            actor=actor,
            at=at,
            member=MemberRef(user=user, role=role),
        ),
    )
    uow.members.add(room.id, user, role, at, room.seq, timed_out_until, visible_after_seq)
    uow.user_logs.add(user, UserEventType.ROOM_JOINED, room.id)


async def require_users(uow: UnitOfWork, users: Sequence[UUID]) -> None:
    """Raises Invalid, naming those who do not exist."""
    missing = set(users) - await uow.users.existing_ids(users)
    if missing:
        raise no_users(missing)


async def refuse_too_many(uow: UnitOfWork, user: UUID, max_rooms: int) -> None:
    if await uow.members.count_rooms(user) >= max_rooms:
        raise QuotaExceeded(f"You are in {max_rooms} rooms, which is the limit. Leave one first.")


async def _require_unblocked(uow: UnitOfWork, people: Sequence[UUID]) -> None:
    """Raises Forbidden if the creator or the other one has blocked the other.

    Their logs are locked, the smaller id first, as `flush` does later: a block that is committed at
    the same time comes before this, or finds the room.
    """
    creator = people[0]
    for user in sorted(people):
        await uow.user_logs.lock(user)
    blockers = await uow.blocks.find_blockers(people)
    if blockers:
        raise block_error(by_actor=creator in blockers)


def make_direct_key(first: UUID, second: UUID) -> bytes:
    return b"".join(sorted((first.bytes, second.bytes)))
