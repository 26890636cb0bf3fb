"""Rooms and their members."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, NewType
from uuid import UUID

from sqlalchemy import and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.persistence.repositories.membership_batch import select_by_room_and_user
from app.persistence.repositories.room_changes import departed_since, rooms_since
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.join_order import join_in_order
from app.persistence.tables import (
    Departure,
    Member,
    Mention,
    MessageRow,
    Room,
    User,
    columns,
)
from app.wire.domain import Role, RoomKind

MOST_CHANGED = 20_000

# A room whose row this transaction holds locked: the only kind that can be recorded into.
LockedRoom = NewType("LockedRoom", Room)


class Badge(NamedTuple):
    """What one member has not read in one room."""

    user: UUID
    room: UUID
    seq: int
    read_seq: int
    unread: int
    mentions: int


class Listed(NamedTuple):
    """A room in the list of one of its members, with what the member has not read."""

    user: UUID
    id: UUID
    kind: RoomKind
    name: str | None
    topic: str
    direct_key: bytes | None
    seq: int
    created_at: datetime
    archived_at: datetime | None
    role: Role
    read_seq: int
    unread: int
    mentions: int


_R, _M, _T, _N = columns(Room), columns(Member), columns(MessageRow), columns(Mention)

# Unread are the messages of others after the read marker. Counted from what is there, so that there
# is no counter that could be wrong.
_UNREAD = (
    select(func.count())
    .where(_T.room_id == _M.room_id, _T.seq > _M.read_seq, _T.sender_id != _M.user_id)
    .correlate(_M.room_id.table)
    .scalar_subquery()
)
_MENTIONS = (
    select(func.count())
    .where(_N.user_id == _M.user_id, _N.room_id == _M.room_id, _N.seq > _M.read_seq)
    .correlate(_M.room_id.table)
    .scalar_subquery()
)
_BADGE = (_M.user_id, _M.room_id, _R.seq, _M.read_seq, _UNREAD, _MENTIONS)
_LISTING = (
    *(_M.user_id, _R.id, _R.kind, _R.name, _R.topic, _R.direct_key, _R.seq, _R.created_at),
    *(_R.archived_at, _M.role, _M.read_seq, _UNREAD, _MENTIONS),
)
_LISTED = select(*_LISTING).join_from(_M.room_id.table, _R.id.table, _R.id == _M.room_id)
_ALL_OF = _LISTED.where(_M.user_id.in_(bindparam("users", expanding=True)))
_PAGE = _LISTED.where(_M.user_id == bindparam("user")).order_by(_M.room_id).limit(bindparam("most"))
_NEXT_PAGE = _PAGE.where(_M.room_id > bindparam("after"))
_HEADS = select(_R.id, _R.seq).where(_R.id.in_(bindparam("rooms", expanding=True)))


class RoomReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, room_id: UUID) -> Room | None:
        return await self._session.get(Room, room_id)

    async def with_member(
        self, room_id: UUID, user_id: UUID
    ) -> tuple[Room, Member | None] | tuple[None, None]:
        """A room, and this user's membership of it at the same moment."""
        rows = await self._session.execute(
            select(Room, Member)
            .outerjoin(Member, and_(Member.room_id == Room.id, Member.user_id == user_id))
            .where(Room.id == room_id)
        )
        found = rows.one_or_none()
        return (found[0], found[1]) if found else (None, None)

    async def is_visible(self, room_id: UUID, user_id: UUID) -> bool:
        """The room is public, or the user is a member; no row of it is loaded."""
        found = await self._session.scalar(
            select(Room.id)
            .outerjoin(Member, and_(Member.room_id == Room.id, Member.user_id == user_id))
            .where(
                Room.id == room_id,
                or_(Room.kind == RoomKind.PUBLIC, Member.user_id.is_not(None)),
            )
        )
        return found is not None

    async def direct(self, direct_key: bytes) -> Room | None:
        found = await self._session.scalars(select(Room).where(Room.direct_key == direct_key))
        return found.one_or_none()

    async def by_origin(self, origin: str) -> Room | None:
        found = await self._session.scalars(select(Room).where(Room.origin == origin))
        return next((room for room in found if room.origin == origin), None)  # PAD SPACE

    async def public(self, key: str, after: tuple[str, UUID] | None, limit: int) -> Sequence[Room]:
        """Public rooms that are not archived, whose name contains `key`, by name."""
        query = (
            select(Room)
            .where(Room.kind == RoomKind.PUBLIC, Room.archived_at.is_(None))
            .order_by(Room.name_key, Room.id)
            .limit(limit)
        )
        if key:
            query = query.where(Room.name_key.contains(key, autoescape=True))
        if after is not None:
            name, room = after
            query = query.where(
                or_(Room.name_key > name, and_(Room.name_key == name, Room.id > room))
            )
        return (await self._session.scalars(query)).all()

    async def heads(self, ids: Iterable[UUID]) -> dict[UUID, int]:
        rows = await self._session.execute(_HEADS, {"rooms": list(ids)})
        return dict(rows.all())

    async def kinds(self, ids: Iterable[UUID]) -> dict[UUID, RoomKind]:
        rows = await self._session.execute(select(Room.id, Room.kind).where(Room.id.in_(list(ids))))
        return dict(rows.all())

    async def changed(self, within_s: int) -> dict[UUID, int]:
        """The heads of the rooms that changed within this time, by the database's clock; of very
        many, those that changed last."""
        rows = await self._session.execute(
            select(Room.id, Room.seq)
            .where(Room.changed_at > DatabaseNow(within_s))
            .order_by(Room.changed_at.desc())
            .limit(MOST_CHANGED)
        )
        return dict(rows.all())


class Rooms(RoomReads):
    async def lock(self, room_id: UUID) -> LockedRoom | None:
        """The room as it is now, and nobody else's until this unit of work ends."""
        room = await self._session.get(Room, room_id, with_for_update=True, populate_existing=True)
        return None if room is None else LockedRoom(room)

    async def add(self, room: Room) -> LockedRoom:
        self._session.add(room)
        await self._session.flush()  # an existing pair must show before anything refers to it
        return LockedRoom(room)


class MemberReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, room_id: UUID, user_id: UUID) -> Member | None:
        return await self._session.get(Member, (room_id, user_id))

    async def heads(self, pairs: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
        """How far the room's log reaches, for those (room, user) pairs that are memberships."""
        rows = await select_by_room_and_user(self._session, pairs, _M.room_id, _M.user_id, _R.seq)
        return {(room, user): head for room, user, head in rows}

    async def of_room(
        self, room_id: UUID, after: str | None, limit: int, viewer: UUID
    ) -> Sequence[tuple[Member, User]]:
        """Members with their accounts, by username, as long as the viewer is one of them: said in
        the same statement, because the list has no place in the log."""
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

    async def among(self, room_id: UUID, users: Iterable[UUID]) -> set[UUID]:
        """Those of `users` who are members."""
        return set(
            await self._session.scalars(
                select(Member.user_id).where(
                    Member.room_id == room_id, Member.user_id.in_(list(users))
                )
            )
        )

    async def acquainted(self, user_id: UUID, others: Iterable[UUID]) -> set[UUID]:
        """Those of `others` who are in some room together with this user.

        From their rooms, which are few, to this user's membership in each: the other way round
        would go through all members of the rooms, which MariaDB does if it is let.
        """
        theirs, mine = aliased(Member), aliased(Member)
        return set(
            await self._session.scalars(
                join_in_order(
                    select(theirs.user_id)
                    .distinct()
                    .join(mine, and_(mine.room_id == theirs.room_id, mine.user_id == user_id))
                    .where(theirs.user_id.in_(list(others)))
                )
            )
        )

    async def has_met(self, user_id: UUID, other: UUID) -> bool:
        """The other is in a room of this user, or has been."""
        mine = aliased(Member)
        there = (
            select(mine.room_id)
            .join(table, and_(table.room_id == mine.room_id, table.user_id == other))
            .where(mine.user_id == user_id)
            .exists()
            for table in (aliased(Member), Departure)
        )
        return bool(await self._session.scalar(select(or_(*there))))

    async def reaches(self, room_id: UUID, count: int) -> bool:
        """The room has at least so many members."""
        some = select(Member.user_id).where(Member.room_id == room_id).limit(count).subquery()
        return await self._session.scalar(select(func.count()).select_from(some)) == count

    async def other_owner(self, room_id: UUID, user_id: UUID) -> bool:
        """The room has an owner besides this user."""
        found = await self._session.scalar(
            select(Member.user_id)
            .where(Member.room_id == room_id, Member.role == Role.OWNER, Member.user_id != user_id)
            .limit(1)
        )
        return found is not None

    async def count_rooms(self, user_id: UUID) -> int:
        return (
            await self._session.scalar(
                select(func.count(Member.room_id)).where(Member.user_id == user_id)
            )
        ) or 0

    async def departed(self, since: Mapping[UUID, datetime]) -> list[tuple[UUID, UUID]]:
        """(user, room) for what each of the users has left since, also if it was joined again."""
        rows = await departed_since(self._session, since)
        return [(user, room) for user, room in rows]

    async def ends(self, pairs: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
        """The seq at which the user has last left the room, for those of the (room, user) pairs of
        which it is known."""
        rows = await self._session.execute(
            select(Departure.room_id, Departure.user_id, Departure.seq).where(
                Departure.user_id.in_({user for _, user in pairs}),
                Departure.room_id.in_({room for room, _ in pairs}),
                Departure.seq.is_not(None),
            )
        )
        return {(room, user): seq for room, user, seq in rows if seq is not None}

    async def rooms_of(self, user_id: UUID, after: UUID | None, limit: int) -> list[Listed]:
        """The user's rooms, by id."""
        given: dict[str, Any] = {"user": user_id, "most": limit}
        rows = await self._session.execute(
            *((_PAGE, given) if after is None else (_NEXT_PAGE, given | {"after": after}))
        )
        return [Listed._make(row) for row in rows]

    async def rooms_since(self, since: Mapping[UUID, datetime | None]) -> list[Listed]:
        """All rooms of those users whose time is None; of the others, those that have changed since
        then for the user."""
        full = [user for user, at in since.items() if at is None]
        rest = {user: at for user, at in since.items() if at is not None}
        rows: list[Any] = []
        if full:
            rows.extend(await self._session.execute(_ALL_OF, {"users": full}))
        if rest:
            rows.extend(await rooms_since(self._session, rest, _LISTING))
        return [Listed._make(row) for row in rows]

    async def changed(self, users: Iterable[UUID], within_s: int) -> list[tuple[UUID, UUID]]:
        """(user, room) of memberships of these users that began, or whose role or read marker
        changed, within this time by the database's clock."""
        rows = await self._session.execute(
            select(Member.user_id, Member.room_id).where(
                Member.user_id.in_(list(users)), Member.changed_at > DatabaseNow(within_s)
            )
        )
        return [(user, room) for user, room in rows]

    async def badges(self, pairs: Iterable[tuple[UUID, UUID]]) -> Sequence[Badge]:
        """Exact counts for (room, user) pairs; pairs that are no memberships are left out."""
        return [
            Badge._make(row) for row in await select_by_room_and_user(self._session, pairs, *_BADGE)
        ]


class Members(MemberReads):
    def add(self, member: Member) -> None:
        self._session.add(member)

    async def remove(self, member: Member, seq: int) -> None:
        """`seq` is that of the event which says so."""
        await self._session.delete(member)
        await self._session.merge(
            Departure(user_id=member.user_id, room_id=member.room_id, at=DatabaseNow(), seq=seq)
        )

    async def mark_read(self, room_id: UUID, user_id: UUID, seq: int) -> bool:
        """Move the marker forward; False if it was there already, or further."""
        changed: Any = await self._session.execute(
            update(Member)
            .where(Member.room_id == room_id, Member.user_id == user_id, Member.read_seq < seq)
            .values(read_seq=seq, changed_at=DatabaseNow())
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
