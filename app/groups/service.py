"""Use cases of user groups. Administrators of the server change them, all users see them. Managers
of a group, who are members of it, change its members."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget, Values, find_changes
from app.core.clock import now
from app.core.ids import new_id
from app.persistence.tables import User, UserGroup
from app.persistence.uow import ReadSession, UnitOfWork
from app.settings import Directory
from app.users.accounts import get_user
from app.users.directory import get_visible, list_visible
from app.wire.audit import AuditAction
from app.wire.errors import Forbidden, NotFound, QuotaExceeded, UsernameTaken
from app.wire.schemas.groups import CreateGroup, UpdateGroup
from app.wire.user_and_room_names import normalized_name

NO_GROUP = "There is no such user group."


class MemberPage(NamedTuple):
    """Members of a group that the directory shows to the caller; `next` is the key of the last."""

    users: Sequence[User]
    next: str | None


async def search(
    reads: ReadSession, prefix: str, after: str | None, limit: int
) -> Sequence[UserGroup]:
    return await reads.user_groups.search(normalized_name(prefix), after, limit)


async def get(reads: ReadSession, group_id: UUID) -> UserGroup:
    group = await reads.user_groups.get(group_id)
    if group is None:
        raise NotFound(NO_GROUP)
    return group


async def list_members(
    reads: ReadSession,
    actor: Actor,
    group_id: UUID,
    after: str | None,
    limit: int,
    directory: Directory,
) -> MemberPage:
    await get(reads, group_id)
    rows = await reads.user_groups.list_members(group_id, after, limit + 1)
    page = rows[:limit]
    users = await list_visible(reads, actor, [user for user, _ in page], directory)
    return MemberPage(users, page[-1][1] if len(rows) > limit else None)


async def create(uow: UnitOfWork, actor: Actor, spec: CreateGroup, max_groups: int) -> UserGroup:
    """Raises Forbidden, UsernameTaken, QuotaExceeded. Groups that are created at the same time may
    exceed the limit by their number."""
    _require_admin(actor)
    if await uow.user_groups.count() >= max_groups:
        raise QuotaExceeded(f"There are {max_groups} user groups, which is the limit.")
    await _require_free_handle(uow, spec.handle)
    group = UserGroup(
        id=new_id(),
        handle=spec.handle,
        handle_key=normalized_name(spec.handle),
        display_name=spec.display_name or spec.handle,
        created_at=now(),
    )
    uow.user_groups.add(group)
    uow.audit_log.record(
        actor.user, AuditAction.GROUP_CREATED, AuditTarget(), after=_describe(group)
    )
    await uow.flush()
    return group


async def update(uow: UnitOfWork, actor: Actor, group_id: UUID, change: UpdateGroup) -> UserGroup:
    group = await _lock(uow, actor, group_id)
    described = _describe(group)
    if change.handle is not None and change.handle != group.handle:
        await _require_free_handle(uow, change.handle, group.id)
        group.handle, group.handle_key = change.handle, normalized_name(change.handle)
    if change.display_name is not None:
        group.display_name = change.display_name
    before, after = find_changes(described, _describe(group))
    if before:
        group_key = {"group": group.id}
        uow.audit_log.record(
            actor.user,
            AuditAction.GROUP_UPDATED,
            AuditTarget(),
            before=group_key | before,
            after=group_key | after,
        )
    await uow.flush()
    return group


async def delete(uow: UnitOfWork, actor: Actor, group_id: UUID) -> None:
    """Its members with it; messages keep their text."""
    group = await _lock(uow, actor, group_id)
    uow.audit_log.record(
        actor.user, AuditAction.GROUP_DELETED, AuditTarget(), before=_describe(group)
    )
    await uow.user_groups.remove(group)


async def add_member(
    uow: UnitOfWork,
    actor: Actor,
    group_id: UUID,
    user_id: UUID,
    max_members: int,
    directory: Directory,
) -> None:
    """Again changes nothing. Managers add users that the directory shows to them."""
    group = await _lock_for_members(uow, actor, group_id)
    await get_visible(uow, actor, user_id, directory)
    await _add(uow, actor, group, user_id, max_members)


async def remove_member(uow: UnitOfWork, actor: Actor, group_id: UUID, user_id: UUID) -> None:
    """Of a user who is no member: changes nothing. Managers may go themselves, but remove no other
    manager."""
    group = await _lock_for_members(uow, actor, group_id)
    may_remove_managers = actor.is_admin or user_id == actor.user
    if not may_remove_managers and await uow.user_groups.is_manager(group_id, user_id):
        raise Forbidden("Only administrators of the server remove managers of a group.")
    if await uow.user_groups.is_member(group_id, user_id):
        await uow.user_groups.remove_member(group_id, user_id)
        _record(uow, actor, AuditAction.GROUP_MEMBER_REMOVED, group, user_id)


async def list_managers(
    reads: ReadSession, actor: Actor, group_id: UUID, directory: Directory
) -> Sequence[User]:
    await get(reads, group_id)
    managers = await reads.user_groups.list_managers(group_id)
    return await list_visible(reads, actor, managers, directory)


async def add_manager(
    uow: UnitOfWork, actor: Actor, group_id: UUID, user_id: UUID, max_members: int
) -> None:
    """A user who is no member yet becomes one; again changes nothing."""
    group = await _lock(uow, actor, group_id)
    await get_user(uow, user_id)
    if await uow.user_groups.is_manager(group_id, user_id):
        return
    await _add(uow, actor, group, user_id, max_members)
    await uow.flush()
    await uow.user_groups.set_manager(group_id, user_id, is_manager=True)
    _record(uow, actor, AuditAction.GROUP_MANAGER_ADDED, group, user_id)


async def remove_manager(uow: UnitOfWork, actor: Actor, group_id: UUID, user_id: UUID) -> None:
    """The user stays a member. Of a user who is no manager: changes nothing."""
    group = await _lock(uow, actor, group_id)
    if await uow.user_groups.is_manager(group_id, user_id):
        await uow.user_groups.set_manager(group_id, user_id, is_manager=False)
        _record(uow, actor, AuditAction.GROUP_MANAGER_REMOVED, group, user_id)


async def _add(
    uow: UnitOfWork, actor: Actor, group: UserGroup, user_id: UUID, max_members: int
) -> None:
    if await uow.user_groups.is_member(group.id, user_id):
        return
    if await uow.user_groups.count_members(group.id) >= max_members:
        raise QuotaExceeded(f"The group has {max_members} members, which is the limit.")
    uow.user_groups.add_member(group.id, user_id)
    _record(uow, actor, AuditAction.GROUP_MEMBER_ADDED, group, user_id)


async def _lock_for_members(uow: UnitOfWork, actor: Actor, group_id: UUID) -> UserGroup:
    """Whether the actor is a manager is read when the group is locked, as it is to change that. A
    group that does not exist is answered like one that the actor does not manage."""
    group = await uow.user_groups.lock(group_id)
    if not actor.is_admin and not await uow.user_groups.is_manager(group_id, actor.user):
        raise Forbidden("Only managers of the group and administrators change its members.")
    if group is None:
        raise NotFound(NO_GROUP)
    return group


def _record(
    uow: UnitOfWork, actor: Actor, action: AuditAction, group: UserGroup, user_id: UUID
) -> None:
    """What has become of a member."""
    is_new = action in (AuditAction.GROUP_MEMBER_ADDED, AuditAction.GROUP_MANAGER_ADDED)
    before, after = (None, _describe(group)) if is_new else (_describe(group), None)
    uow.audit_log.record(actor.user, action, AuditTarget(user=user_id), before=before, after=after)


def _describe(group: UserGroup) -> Values:
    return {"group": group.id, "handle": group.handle, "display_name": group.display_name}


async def _lock(uow: UnitOfWork, actor: Actor, group_id: UUID) -> UserGroup:
    _require_admin(actor)
    group = await uow.user_groups.lock(group_id)
    if group is None:
        raise NotFound(NO_GROUP)
    return group


def _require_admin(actor: Actor) -> None:
    if not actor.is_admin:
        raise Forbidden("Only administrators of the server may change user groups.")


async def _require_free_handle(uow: UnitOfWork, handle: str, group_id: UUID | None = None) -> None:
    """Raises UsernameTaken if a user or another group has this name."""
    key = normalized_name(handle)
    existing = await uow.user_groups.by_key(key)
    if await uow.users.like(key) or (existing and existing.id != group_id):
        raise UsernameTaken(
            f"The handle {handle!r} is, or looks like, that of another group or of a user."
        )
