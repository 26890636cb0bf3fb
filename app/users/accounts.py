"""Use cases of accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.errors import NotFound, UsernameTaken
from app.core.ids import new_id
from app.core.names import name_key
from app.persistence.tables import User
from app.persistence.uow import Reader, UnitOfWork


@dataclass(frozen=True, slots=True)
class NewAccount:
    username: str
    display_name: str
    password_hash: str
    is_admin: bool = False


async def register(uow: UnitOfWork, account: NewAccount) -> User:
    """Raises UsernameTaken."""
    key = name_key(account.username)
    if await uow.users.by_key(key):
        raise UsernameTaken(f"The username {account.username!r} is taken. Choose another one.")
    user = User(
        id=new_id(),
        username=account.username,
        username_key=key,
        display_name=account.display_name,
        display_key=name_key(account.display_name),
        password_hash=account.password_hash,
        is_admin=account.is_admin,
        created_at=now(),
    )
    uow.users.add(user)
    return user


async def get_user(reads: Reader, user_id: UUID) -> User:
    user = await reads.users.get(user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


async def search_users(reads: Reader, query: str, after: str | None, limit: int) -> Sequence[User]:
    return await reads.users.search(name_key(query), after, limit)


async def update_profile(uow: UnitOfWork, actor: Actor, display_name: str) -> User:
    user = await get_user(uow, actor.user)
    user.display_name = display_name
    user.display_key = name_key(display_name)
    return user
