"""Members of rooms."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.persistence.message_tables import ThreadFollower
from app.persistence.repositories.pending_rows import PendingRows
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.join_order import join_in_order
from app.persistence.tables import Departure, Member, Room, User, columns
from app.wire.domain import Role

_member, _departure, _follower = columns(Member), columns(Departure), columns(ThreadFollower)


# From this number on, a page of members looks for the next users by name, of so many at most.
MANY_MEMBERS, MAX_USERS_PER_PAGE = 500, 2000


def _is_member(room_id: UUID, user_id: Any) -> ColumnElement[bool]:
    """With a LIMIT, because MariaDB would begin with the members for a plain EXISTS."""
    entry = aliased(Member)
    query = select(entry.user_id).where(entry.room_id == room_id, entry.user_id == user_id)
    return query.limit(1).scalar_subquery().is_not(None)


class MemberReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, room_id: UUID, user_id: UUID) -> Member | None:
        return await self._session.get(Member, (room_id, user_id))

    async def list_members(
        self, room_id: UUID, after: str | None, limit: int, viewer: UUID
    ) -> Sequence[tuple[Member, User]]:
        """Members with their accounts, by username, as long as the viewer is one of them: said in
        the same statement, because the list has no place in the log.

        In a large room most users who come next by name are members, as a rule: to look them up
        costs the same whatever the number of members, which would all be sorted otherwise."""
        is_next = User.username_key > (after or "")
        last = await self._last_user(room_id, is_next)
        if last is not None:
            next_users = and_(is_next, User.username_key <= last) if last else is_next
            page = await self._find_members(room_id, next_users, limit, viewer)
            if len(page) == limit or not last:
                return page
        return await self._sort_members(room_id, after, limit, viewer)

    async def _last_user(self, room_id: UUID, is_next: ColumnElement[bool]) -> str | None:
        """In a room with many members, the name of the last user to look at; empty: fewer follow
        than may be looked at. None: the room is smaller."""
        has_many = (
            select(Member.user_id)
            .where(Member.room_id == room_id)
            .offset(MANY_MEMBERS - 1)
            .limit(1)
            .scalar_subquery()
            .is_not(None)
        )
        last = (
            select(User.username_key)
            .where(is_next)
            .order_by(User.username_key)
            .offset(MAX_USERS_PER_PAGE - 1)
            .limit(1)
            .scalar_subquery()
        )
        return await self._session.scalar(select(case((has_many, func.coalesce(last, "")))))

    async def _find_members(
        self, room_id: UUID, in_page: ColumnElement[bool], limit: int, viewer: UUID
    ) -> Sequence[tuple[Member, User]]:
        """Of the users in the order of their names."""
        # Joined as an outer one, although it is there: SQLite would begin with the members.
        is_user = and_(Member.room_id == room_id, Member.user_id == User.id)
        query = (
            select(Member, User)
            .select_from(User)
            .outerjoin(Member, is_user)
            .where(in_page, _is_member(room_id, User.id), _is_member(room_id, viewer))
            .order_by(User.username_key)
            .limit(limit)
        )
        rows = await self._session.execute(query)
        return [(member, user) for member, user in rows]

    async def _sort_members(
        self, room_id: UUID, after: str | None, limit: int, viewer: UUID
    ) -> Sequence[tuple[Member, User]]:
        own = aliased(Member)
        query = (
            select(Member, User)
            .join(User, User.id == Member.user_id)
            .join(own, and_(own.room_id == Member.room_id, own.user_id == viewer))
            .where(Member.room_id == room_id)
            .order_by(User.username_key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(User.username_key > after)
        return [(member, user) for member, user in await self._session.execute(query)]

    async def with_accounts(
        self, room_id: UUID, users: Iterable[UUID]
    ) -> dict[UUID, tuple[Member, User]]:
        """Those of `users` who are members, with their accounts."""
        rows = await self._session.execute(
            select(Member, User)
            .join(User, User.id == Member.user_id)
            .where(Member.room_id == room_id, Member.user_id.in_(list(users)))
        )
        return {user.id: (member, user) for member, user in rows}

    async def filter_members(self, room_id: UUID, users: Iterable[UUID]) -> set[UUID]:
        """Those of `users` who are members."""
        return set(
            await self._session.scalars(
                select(Member.user_id).where(
                    Member.room_id == room_id, Member.user_id.in_(list(users))
                )
            )
        )

    async def users_sharing_a_room(self, user_id: UUID, users: Iterable[UUID]) -> set[UUID]:
        """Those of `users` who share a room with this user.

        From their rooms, which are few, to this user's membership in each: the other way round
        would go through all members of the rooms, which MariaDB does if it is let.
        """
        others_membership, own_membership = aliased(Member), aliased(Member)
        return set(
            await self._session.scalars(
                join_in_order(
                    select(others_membership.user_id)
                    .distinct()
                    .join(
                        own_membership,
                        and_(
                            own_membership.room_id == others_membership.room_id,
                            own_membership.user_id == user_id,
                        ),
                    )
                    .where(others_membership.user_id.in_(list(users)))
                )
            )
        )

    async def filter_met(self, user_id: UUID, users: Iterable[UUID]) -> set[UUID]:
        """Those of `users` who are, or have been, in a room of this user."""
        wanted = list(users)
        left = await self._session.scalars(
            join_in_order(
                select(Departure.user_id)
                .join(Member, and_(Member.room_id == Departure.room_id, Member.user_id == user_id))
                .where(Departure.user_id.in_(wanted))
            )
        )
        return {*left, *await self.users_sharing_a_room(user_id, wanted)}

    async def list_ids(self, room_id: UUID, limit: int) -> list[UUID]:
        """The users who are members, up to this number."""
        query = select(Member.user_id).where(Member.room_id == room_id).limit(limit)
        return list(await self._session.scalars(query))

    async def list_rooms(self, user_id: UUID) -> Sequence[UUID]:
        """The ids of the rooms that this user is in."""
        query = select(Member.room_id).where(Member.user_id == user_id)
        return (await self._session.scalars(query)).all()

    async def list_mentioning_rooms(self, user_id: UUID, second_user: UUID) -> Sequence[UUID]:
        """The ids of the rooms that both users are in, and where mentions of the first one may be
        unread."""
        others_membership = aliased(Member)
        query = (
            select(Member.room_id)
            .join(others_membership, others_membership.room_id == Member.room_id)
            .join(Room, Room.id == Member.room_id)
            .where(
                Member.user_id == user_id,
                others_membership.user_id == second_user,
                or_(
                    Member.mentioned_seq.is_(None),
                    Member.mentioned_seq > Member.read_seq,
                    Room.room_mention_seq > Member.read_seq,
                ),
            )
        )
        return (await self._session.scalars(query)).all()

    async def has_at_least_members(self, room_id: UUID, count: int) -> bool:
        """Whether the room has at least `count` members."""
        members = select(Member.user_id).where(Member.room_id == room_id).limit(count).subquery()
        return await self._session.scalar(select(func.count()).select_from(members)) == count

    async def has_other_owner(self, room_id: UUID, user_id: UUID) -> bool:
        """Whether the room has an owner besides this user."""
        row = await self._session.scalar(
            select(Member.user_id)
            .where(Member.room_id == room_id, Member.role == Role.OWNER, Member.user_id != user_id)
            .limit(1)
        )
        return row is not None

    async def count_rooms(self, user_id: UUID) -> int:
        return (
            await self._session.scalar(
                select(func.count(Member.room_id)).where(Member.user_id == user_id)
            )
        ) or 0


class Members(MemberReads):
    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self._pending = PendingRows(session, _member.role.table)
        self._returned: dict[UUID, list[UUID]] = defaultdict(list)  # by room

    def add(
        self,
        room_id: UUID,
        user_id: UUID,
        role: Role,
        joined_at: datetime,
        seq: int,
        timed_out_until: datetime | None = None,
        visible_after_seq: int | None = None,
    ) -> None:
        """`seq` is that of the event of the joining; None: the member sees the whole room."""
        self._pending.add(
            room_id=room_id,
            user_id=user_id,
            role=role,
            joined_at=joined_at,
            read_seq=seq,
            timed_out_until=timed_out_until,
            visible_after_seq=visible_after_seq,
        )
        self._returned[room_id].append(user_id)

    async def flush(self) -> None:
        """Insert the members that were added. Departures of theirs are over."""
        await self._pending.flush()
        for room_id, users in self._returned.items():
            await self._session.execute(
                delete(_departure.seq.table).where(
                    _departure.room_id == room_id, _departure.user_id.in_(users)
                )
            )
        self._returned.clear()

    async def lock(self, room_id: UUID, user_id: UUID) -> bool:
        """Lock the membership, so that it does not end before this unit of work does; False: there
        is none. Not after the room: a departure locks it in this order, too."""
        is_member = and_(_member.room_id == room_id, _member.user_id == user_id)
        query = select(_member.user_id).where(is_member).with_for_update()
        return await self._session.scalar(query) is not None

    async def remove(self, member: Member, seq: int, visible_after_seq: int | None = None) -> None:
        """`seq` is that of the event of the removal, and what the member sees begins after the
        other one. Who leaves follows no thread any more."""
        if member.follows_threads:
            await self._session.execute(
                delete(_follower.user_id.table).where(
                    _follower.room_id == member.room_id, _follower.user_id == member.user_id
                )
            )
        await self._session.delete(member)
        await self._session.merge(
            Departure(
                user_id=member.user_id,
                room_id=member.room_id,
                at=DatabaseNow(),
                seq=seq,
                visible_after_seq=visible_after_seq,
            )
        )

    async def mark_read(self, room_id: UUID, user_id: UUID, seq: int) -> bool:
        """Move the marker forward; False if it was there or further already."""
        changed: Any = await self._session.execute(
            update(Member)
            .where(Member.room_id == room_id, Member.user_id == user_id, Member.read_seq < seq)
            .values(read_seq=seq, changed_at=DatabaseNow())
            .execution_options(synchronize_session=False)
        )
        return bool(changed.rowcount)

    async def move_marker(self, room_id: UUID, user_id: UUID, marker: int, head: int) -> bool:
        """Move the marker to any place in a log that reaches `head`; False if it was there. Own
        messages and mentions may be after it then, up to the head."""
        known = {
            column.key: case((column < head, head), else_=column)
            for column in (_member.sent_seq, _member.mentioned_seq)
        }
        changed: Any = await self._session.execute(
            update(Member)
            .where(Member.room_id == room_id, Member.user_id == user_id, Member.read_seq != marker)
            .values(read_seq=marker, changed_at=DatabaseNow(), **known)
            .execution_options(synchronize_session=False)
        )
        return bool(changed.rowcount)

    async def mark_all_read(self, room_id: UUID, users: Iterable[UUID], seq: int) -> None:
        """Move the markers of those of `users` who are members forward."""
        await self._session.execute(
            update(Member)
            .where(
                Member.room_id == room_id, Member.user_id.in_(list(users)), Member.read_seq < seq
            )
            .values(read_seq=seq, changed_at=DatabaseNow())
            .execution_options(synchronize_session=False)
        )
