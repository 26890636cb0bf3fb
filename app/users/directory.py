"""Which users a user can find: the setting CHAT_USERS__DIRECTORY."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from app.core.actor import Actor
from app.persistence.tables import User
from app.persistence.uow import ReadSession
from app.settings import Directory
from app.users.accounts import NO_USER, get_user
from app.wire.errors import Forbidden, Invalid, NotFound
from app.wire.user_and_room_names import normalized_name


async def get_visible(
    reads: ReadSession, actor: Actor, user_id: UUID, directory: Directory
) -> User:
    """Raises NotFound, also for users that the directory hides from the actor. Users who share or
    once shared a room with the actor are never hidden, since they may have written there."""
    if user_id not in await _filter_visible(reads, actor, {user_id}, directory):
        raise NotFound(NO_USER)
    return await get_user(reads, user_id)


async def list_visible(
    reads: ReadSession, actor: Actor, ids: Iterable[UUID], directory: Directory
) -> Sequence[User]:
    """The users that `get_visible` would return one by one, sorted by username."""
    return await reads.users.list_by_ids(await _filter_visible(reads, actor, set(ids), directory))


async def _filter_visible(
    reads: ReadSession, actor: Actor, users: set[UUID], directory: Directory
) -> set[UUID]:
    if _can_see_everybody(actor, directory):
        return users
    own = users & {actor.user}
    if users == own:
        return own
    return own | await reads.members.filter_met(actor.user, users - own)


async def require_reachable(
    reads: ReadSession, actor: Actor, user_id: UUID, directory: Directory
) -> None:
    """A user with whom the actor may open a direct room: one whom the directory shows or finds.
    Raises Invalid, as for an id that does not exist, and Forbidden where it finds nobody."""
    if _can_see_nobody(actor, directory):
        raise Forbidden(
            "On this server only administrators open direct rooms. Write in a room that you share."
        )
    if directory != "exact_name" and user_id not in await _filter_visible(
        reads, actor, {user_id}, directory
    ):
        raise no_users([user_id])


def no_users(ids: Iterable[UUID]) -> Invalid:
    return Invalid(f"There is no user {', '.join(sorted(map(str, ids)))}.")


async def search_users(
    reads: ReadSession,
    actor: Actor,
    query: str,
    after: str | None,
    limit: int,
    directory: Directory,
) -> Sequence[User]:
    """The matching users that the directory shows to the actor."""
    if _can_see_nobody(actor, directory):
        return []
    return await reads.users.search(
        normalized_name(query),
        after,
        limit,
        seen_by=None if _can_see_everybody(actor, directory) else actor.user,
        or_named=directory == "exact_name",
    )


async def complete_users(
    reads: ReadSession, actor: Actor, key: str, limit: int, directory: Directory
) -> Sequence[User]:
    """Those whom `search_users` shows, whose name begins with a normalized name."""
    if _can_see_nobody(actor, directory):
        return []
    return await reads.completions.users(
        key,
        limit,
        None if _can_see_everybody(actor, directory) else actor.user,
        or_named=directory == "exact_name",
    )


def _can_see_everybody(actor: Actor, directory: Directory) -> bool:
    return actor.is_admin or directory == "everybody"


def _can_see_nobody(actor: Actor, directory: Directory) -> bool:
    return directory == "none" and not actor.is_admin
