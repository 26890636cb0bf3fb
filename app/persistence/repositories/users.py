"""Accounts.

Names are compared here once more: MySQL and MariaDB take "ada " for "ada", because their collations
ignore spaces at the end (PAD SPACE).
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.lookalikes import skeleton
from app.persistence.tables import Member, User


class UserReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UUID) -> User | None:
        return await self._session.get(User, user_id)

    async def shares_read_markers(self, user_id: UUID) -> bool:
        query = select(User.share_read_markers).where(User.id == user_id)
        return await self._session.scalar(query) is not False

    async def list_by_ids(self, ids: Iterable[UUID]) -> Sequence[User]:
        """The users with these ids, by username."""
        query = select(User).where(User.id.in_(list(ids))).order_by(User.username_key)
        return (await self._session.scalars(query)).all()

    async def by_key(self, username_key: str) -> User | None:
        rows = await self._session.scalars(select(User).where(User.username_key == username_key))
        return next((user for user in rows if user.username_key == username_key), None)

    async def like(self, username_key: str) -> User | None:
        """A user whose username is this one or looks like it."""
        like = User.username_skeleton == skeleton(username_key)
        rows = await self._session.scalars(
            select(User).where(or_(User.username_key == username_key, like))
        )
        return rows.first()

    async def skeletons(self, wanted: Iterable[str]) -> set[str]:
        """The skeletons that are taken."""
        column = User.username_skeleton
        rows = await self._session.scalars(select(column).where(column.in_(list(wanted))))
        return {rows for rows in rows if rows is not None}

    async def ids_by_keys(self, keys: Iterable[str]) -> dict[str, UUID]:
        """The ids of the users with these keys, by key."""
        wanted = set(keys)
        rows = await self._session.execute(
            select(User.username_key, User.id).where(User.username_key.in_(wanted))
        )
        return {key: user for key, user in rows if key in wanted}

    async def existing_ids(self, ids: Iterable[UUID]) -> set[UUID]:
        return set(await self._session.scalars(select(User.id).where(User.id.in_(list(ids)))))

    async def by_origins(self, origins: Iterable[str]) -> dict[str, UUID]:
        """Imported accounts, by origin."""
        wanted = set(origins)
        rows = await self._session.execute(
            select(User.origin, User.id).where(User.origin.in_(wanted))
        )
        return {origin: user for origin, user in rows if origin in wanted}

    async def search(
        self,
        key: str,
        after: str | None,
        limit: int,
        seen_by: UUID | None = None,
        *,
        or_named: bool = False,
    ) -> Sequence[User]:
        """Users whose username or display name contains `key`, by username.

        With `seen_by` only this user, and those who share a room with them; `or_named`: and who has
        exactly this username.
        """
        query = select(User).order_by(User.username_key).limit(limit)
        here: list[ColumnElement[bool]] = [true()]
        if key:
            here.append(
                or_(
                    User.username_key.contains(key, autoescape=True),
                    User.display_key.contains(key, autoescape=True),
                )
            )
        if seen_by is not None:
            here.append(or_(User.id == seen_by, User.id.in_(users_sharing_a_room(seen_by))))
        query = query.where(or_(User.username_key == key, and_(*here)) if or_named else and_(*here))
        if after is not None:
            query = query.where(User.username_key > after)
        return (await self._session.scalars(query)).all()


class Users(UserReads):
    def add(self, user: User) -> None:
        self._session.add(user)

    async def lock(self, user_id: UUID) -> User | None:
        """The account as it is now, locked until this unit of work ends. Lock a user before its
        sessions: a fixed lock order prevents deadlocks."""
        return await self._session.get(User, user_id, with_for_update=True, populate_existing=True)


def users_sharing_a_room(user_id: UUID) -> Select[UUID]:
    """The members of this user's rooms. Depends on no row of users, so it is evaluated once."""
    own_membership, others_membership = aliased(Member), aliased(Member)
    return (
        select(others_membership.user_id)
        .join(own_membership, own_membership.room_id == others_membership.room_id)
        .where(own_membership.user_id == user_id)
    )
