"""Who sees whom: CHAT_USERS__DIRECTORY."""

from collections.abc import Sequence
from uuid import UUID

from app.core.actor import Actor
from app.persistence.tables import User
from app.persistence.uow import ReadSession
from app.settings import Directory
from app.users.accounts import NO_USER, get_user
from app.wire.errors import NotFound
from app.wire.names import normalized_name


async def get_visible(
    reads: ReadSession, actor: Actor, user_id: UUID, directory: Directory
) -> User:
    """Raises NotFound for somebody whom the directory hides from the actor, too: but not for who
    shares a room with the actor, or once did, and may have written there."""
    shown = user_id == actor.user or _sees_everybody(actor, directory)
    if not shown and not await reads.members.has_met(actor.user, user_id):
        raise NotFound(NO_USER)
    return await get_user(reads, user_id)


async def search_users(
    reads: ReadSession,
    actor: Actor,
    query: str,
    after: str | None,
    limit: int,
    directory: Directory,
) -> Sequence[User]:
    """Those whom the directory shows to the actor."""
    return await reads.users.search(
        normalized_name(query),
        after,
        limit,
        seen_by=None if _sees_everybody(actor, directory) else actor.user,
        or_named=directory == "exact_name",
    )


def _sees_everybody(actor: Actor, directory: Directory) -> bool:
    return actor.is_admin or directory == "everybody"
