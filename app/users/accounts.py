"""Use cases of accounts."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.core.ids import new_id
from app.core.lookalikes import skeleton
from app.core.publications import Publication
from app.persistence.tables import User
from app.persistence.uow import ReadSession, UnitOfWork
from app.users.profiles import FIELDS, change_profile
from app.wire.audit import AuditAction
from app.wire.errors import NotFound, UsernameTaken
from app.wire.events import PublicationKind
from app.wire.schemas.users import UpdateProfile
from app.wire.user_and_room_names import normalized_name
from app.wire.user_events import UserEvent

NO_USER = "There is no such user."


@dataclass(frozen=True, slots=True)
class NewAccount:
    username: str
    display_name: str
    password_hash: str
    is_admin: bool = False


class UserLogWindow(NamedTuple):
    """Events of a user's log, and the seq up to which it is deleted."""

    events: list[UserEvent]
    trimmed_seq: int


async def list_events(reads: ReadSession, user_id: UUID, after: int, limit: int) -> UserLogWindow:
    """The events are read first: what is deleted after that shows in `trimmed_seq`."""
    events = await reads.user_logs.list_events(user_id, after, limit)
    return UserLogWindow(events, await reads.user_logs.trimmed_seq(user_id))


async def register(uow: UnitOfWork, account: NewAccount) -> User:
    """Raises UsernameTaken, also if the username or the display name looks like the username of
    another account. With its first administrator the server is set up."""
    key = normalized_name(account.username)
    if existing := await uow.users.like(key):
        is_same = existing.username_key == key
        reason = "is taken" if is_same else "looks like one that is taken"
        raise UsernameTaken(f"The username {account.username!r} {reason}. Choose another one.")
    if await uow.user_groups.by_key(key):
        raise UsernameTaken(f"A user group is called {account.username!r}. Choose another name.")
    await _require_free_display_name(uow, account.display_name)
    user = User(
        id=new_id(),
        username=account.username,
        username_key=key,
        username_skeleton=skeleton(key),
        display_name=account.display_name,
        display_key=normalized_name(account.display_name),
        password_hash=account.password_hash,
        is_admin=account.is_admin,
        created_at=now(),
    )
    uow.users.add(user)
    if account.is_admin:
        target = AuditTarget(user=user.id)
        uow.audit_log.record(None, AuditAction.ADMINISTRATOR_CREATED, target)
        server = await uow.server_settings.lock()
        server.set_up_at = server.set_up_at or user.created_at
    return user


async def get_user(reads: ReadSession, user_id: UUID) -> User:
    user = await reads.users.get(user_id)
    if user is None:
        raise NotFound(NO_USER)
    return user


async def _require_free_display_name(
    reads: ReadSession, display_name: str, user_id: UUID | None = None
) -> None:
    """Raises UsernameTaken if the display name could be mistaken for another user's username."""
    existing = await reads.users.like(normalized_name(display_name))
    if existing and existing.id != user_id:
        raise UsernameTaken(
            f"The display name {display_name!r} is, or looks like, the username of somebody else. "
            "Choose another one."
        )


async def update_profile(uow: UnitOfWork, actor: Actor, change: UpdateProfile) -> User:
    """Others see a change of what they see of the profile. Raises UsernameTaken, Invalid."""
    user = await uow.users.lock(actor.user)
    if user is None:
        raise NotFound(NO_USER)
    before = user.display_name, user.profile
    if change.display_name is not None:
        await _rename(uow, user, change.display_name)
    if change.model_fields_set & FIELDS:
        user.profile = change_profile(user.profile, change)
    if change.share_read_markers is not None:
        user.share_read_markers = change.share_read_markers
    if before != (user.display_name, user.profile):
        uow.publish(Publication(PublicationKind.PROFILE, user.id, 0, user.id))
    return user


async def _rename(uow: UnitOfWork, user: User, display_name: str) -> None:
    await _require_free_display_name(uow, display_name, user.id)
    user.display_name = display_name
    user.display_key = normalized_name(display_name)
