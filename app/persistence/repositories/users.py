"""Accounts.

Names are compared here once more: MySQL and MariaDB take "ada " for "ada", because their collations
ignore spaces at the end (PAD SPACE).
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.tables import User


class UserReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UUID) -> User | None:
        return await self._session.get(User, user_id)

    async def by_key(self, username_key: str) -> User | None:
        found = await self._session.scalars(select(User).where(User.username_key == username_key))
        return next((user for user in found if user.username_key == username_key), None)

    async def ids_by_keys(self, keys: Iterable[str]) -> dict[str, UUID]:
        """The ids of those usernames that exist."""
        wanted = set(keys)
        rows = await self._session.execute(
            select(User.username_key, User.id).where(User.username_key.in_(wanted))
        )
        return {key: user for key, user in rows if key in wanted}

    async def existing(self, ids: Iterable[UUID]) -> set[UUID]:
        return set(await self._session.scalars(select(User.id).where(User.id.in_(list(ids)))))

    async def by_origins(self, origins: Iterable[str]) -> dict[str, UUID]:
        """Imported accounts, by where they come from."""
        wanted = set(origins)
        rows = await self._session.execute(
            select(User.origin, User.id).where(User.origin.in_(wanted))
        )
        return {origin: user for origin, user in rows if origin in wanted}

    async def search(self, key: str, after: str | None, limit: int) -> Sequence[User]:
        """Users whose username or display name contains `key`, by username."""
        query = select(User).order_by(User.username_key).limit(limit)
        if key:
            query = query.where(
                or_(
                    User.username_key.contains(key, autoescape=True),
                    User.display_key.contains(key, autoescape=True),
                )
            )
        if after is not None:
            query = query.where(User.username_key > after)
        return (await self._session.scalars(query)).all()


class Users(UserReads):
    def add(self, user: User) -> None:
        self._session.add(user)

    async def lock(self, user_id: UUID) -> User | None:
        """The account as it is now, and nobody else's until this unit of work ends. Before any of
        its sessions is locked: who locks in one order does not wait in a circle."""
        return await self._session.get(User, user_id, with_for_update=True, populate_existing=True)
