"""Users and rooms whose name begins as somebody is typing it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.repositories.users import users_sharing_a_room
from app.persistence.tables import Member, Room, User
from app.wire.domain import RoomKind


class CompletionReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def users(
        self, key: str, limit: int, seen_by: UUID | None, *, or_named: bool
    ) -> list[User]:
        """Users whose username begins with `key`, and then those whose display name does. `seen_by`
        and `or_named` are those of `UserReads.search`."""
        is_seen: ColumnElement[bool] = true()
        if seen_by is not None:
            is_seen = or_(User.id == seen_by, User.id.in_(users_sharing_a_room(seen_by)))
        completions: dict[UUID, User] = {}
        if or_named:
            named = await self._session.scalars(select(User).where(User.username_key == key))
            completions |= {user.id: user for user in named if user.username_key == key}
        for column in (User.username_key, User.display_key):
            rows = await self._session.scalars(
                select(User)
                .where(column.startswith(key, autoescape=True), is_seen)
                .order_by(column, User.id)
                .limit(limit)
            )
            for user in rows:
                completions.setdefault(user.id, user)
        return list(completions.values())[:limit]

    async def rooms(self, key: str, user_id: UUID, limit: int) -> Sequence[tuple[Room, bool]]:
        """The user's rooms with a word in their name that begins with `key`, and then public rooms
        whose name begins with it; each with whether the user is a member."""
        begins = Room.name_key.startswith(key, autoescape=True)
        has_word = or_(begins, Room.name_key.contains(f" {key}", autoescape=True))
        own = await self._session.scalars(
            select(Room)
            .join(Member, and_(Member.room_id == Room.id, Member.user_id == user_id))
            .where(has_word)
            .order_by(Room.name_key, Room.id)
            .limit(limit)
        )
        completions = {room.id: (room, True) for room in own}
        public = await self._session.execute(
            select(Room, Member.user_id)
            .outerjoin(Member, and_(Member.room_id == Room.id, Member.user_id == user_id))
            .where(
                Room.kind == RoomKind.PUBLIC,
                Room.archived_at.is_(None),
                begins,
            )
            .order_by(Room.name_key, Room.id)
            .limit(limit)
        )
        for room, member in public:
            completions.setdefault(room.id, (room, member is not None))
        return list(completions.values())[:limit]
