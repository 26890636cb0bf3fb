"""Use cases of user groups. Administrators of the server change them, all users see them."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.persistence.tables import User, UserGroup
from app.persistence.uow import ReadSession, UnitOfWork
from app.settings import Directory
from app.users.accounts import get_user
from app.users.directory import list_visible
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
    await uow.flush()
    return group


async def update(uow: UnitOfWork, actor: Actor, group_id: UUID, change: UpdateGroup) -> UserGroup:
    group = await _lock(uow, actor, group_id)
    if change.handle is not None and change.handle != group.handle:
        await _require_free_handle(uow, change.handle, group.id)
        group.handle, group.handle_key = change.handle, normalized_name(change.handle)
    if change.display_name is not None:
        group.display_name = change.display_name
    await uow.flush()
    return group


async def delete(uow: UnitOfWork, actor: Actor, group_id: UUID) -> None:
    """Its members with it; messages keep their text."""
    await uow.user_groups.remove(await _lock(uow, actor, group_id))


async def add_member(
    uow: UnitOfWork, actor: Actor, group_id: UUID, user_id: UUID, max_members: int
) -> None:
    """Again changes nothing."""
    await _lock(uow, actor, group_id)
    await get_user(uow, user_id)
    if await uow.user_groups.is_member(group_id, user_id):
        return
    if await uow.user_groups.count_members(group_id) >= max_members:
        raise QuotaExceeded(f"The group has {max_members} members, which is the limit.")
    uow.user_groups.add_member(group_id, user_id)


async def remove_member(uow: UnitOfWork, actor: Actor, group_id: UUID, user_id: UUID) -> None:
    """Of a user who is no member: changes nothing."""
    await _lock(uow, actor, group_id)
    await uow.user_groups.remove_member(group_id, user_id)


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
