"""User groups and their members."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.tables import User, UserGroup, UserGroupMember


class UserGroupReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, group_id: UUID) -> UserGroup | None:
        return await self._session.get(UserGroup, group_id)

    async def by_key(self, handle_key: str) -> UserGroup | None:
        """MySQL and MariaDB ignore spaces at the end, so keys are compared here once more."""
        rows = await self._session.scalars(
            select(UserGroup).where(UserGroup.handle_key == handle_key)
        )
        return next((group for group in rows if group.handle_key == handle_key), None)

    async def search(self, prefix: str, after: str | None, limit: int) -> Sequence[UserGroup]:
        """Groups whose handle begins with the prefix, by handle."""
        query = (
            select(UserGroup)
            .where(UserGroup.handle_key.startswith(prefix, autoescape=True))
            .order_by(UserGroup.handle_key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(UserGroup.handle_key > after)
        return (await self._session.scalars(query)).all()

    async def list_members(
        self, group_id: UUID, after: str | None, limit: int
    ) -> list[tuple[UUID, str]]:
        """The ids and the keys of the members, by username."""
        query = (
            select(User.id, User.username_key)
            .join(UserGroupMember, UserGroupMember.user_id == User.id)
            .where(UserGroupMember.group_id == group_id)
            .order_by(User.username_key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(User.username_key > after)
        return [(user, key) for user, key in await self._session.execute(query)]

    async def filter_joined(self, user_id: UUID, groups: Iterable[UUID]) -> set[UUID]:
        """Those of `groups` that the user is a member of."""
        query = select(UserGroupMember.group_id).where(
            UserGroupMember.user_id == user_id, UserGroupMember.group_id.in_(list(groups))
        )
        return set(await self._session.scalars(query))

    async def is_member(self, group_id: UUID, user_id: UUID) -> bool:
        return bool(await self.filter_joined(user_id, [group_id]))

    async def is_manager(self, group_id: UUID, user_id: UUID) -> bool:
        query = select(UserGroupMember.is_manager).where(
            UserGroupMember.group_id == group_id, UserGroupMember.user_id == user_id
        )
        return bool(await self._session.scalar(query))

    async def list_managers(self, group_id: UUID) -> Sequence[UUID]:
        """Of as many members as a group may have."""
        query = select(UserGroupMember.user_id).where(
            UserGroupMember.group_id == group_id, UserGroupMember.is_manager.is_(True)
        )
        return (await self._session.scalars(query)).all()

    async def count(self) -> int:
        return await self._session.scalar(select(func.count(UserGroup.id))) or 0

    async def count_members(self, group_id: UUID) -> int:
        query = select(func.count()).where(UserGroupMember.group_id == group_id)
        return await self._session.scalar(query) or 0


class UserGroups(UserGroupReads):
    def add(self, group: UserGroup) -> None:
        self._session.add(group)

    async def lock(self, group_id: UUID) -> UserGroup | None:
        """The group as it is now, locked until this unit of work ends."""
        return await self._session.get(
            UserGroup, group_id, with_for_update=True, populate_existing=True
        )

    async def remove(self, group: UserGroup) -> None:
        await self._session.delete(group)

    def add_member(self, group_id: UUID, user_id: UUID) -> None:
        self._session.add(UserGroupMember(group_id=group_id, user_id=user_id))

    async def remove_member(self, group_id: UUID, user_id: UUID) -> None:
        await self._session.execute(
            delete(UserGroupMember).where(
                UserGroupMember.group_id == group_id, UserGroupMember.user_id == user_id
            )
        )

    async def set_manager(self, group_id: UUID, user_id: UUID, *, is_manager: bool) -> None:
        """Of a member."""
        await self._session.execute(
            update(UserGroupMember)
            .where(UserGroupMember.group_id == group_id, UserGroupMember.user_id == user_id)
            .values(is_manager=is_manager)
            .execution_options(synchronize_session=False)
        )
