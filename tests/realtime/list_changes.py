"""Random changes of the list of rooms of one user, by use cases of the program.

python -m tests.realtime.list_changes SEED COUNT USER OTHER … applies some to the database of the
settings, for tests that give the process another clock.
"""

import asyncio
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import select

from app.bootstrap import open_database
from app.core.actor import Actor
from app.core.clock import now
from app.core.send_request import SendRequest, SendResult
from app.messages import threads
from app.messages.send.batch import commit_batch
from app.messages.service import mark_read, mark_unread
from app.persistence.database import Database
from app.persistence.tables import Member, Room
from app.persistence.uow import UnitOfWork
from app.rooms import membership, roles
from app.rooms.service import create_room, update_room
from app.settings import load_settings
from app.wire.content import Content
from app.wire.domain import Role, RoomKind
from app.wire.schemas.rooms import CreateRoom, UpdateRoom
from testkit.limits import LIMITS

FEW_ROOMS, MAX_ROOMS = 40, 80
CHANGES_PER_COMMIT = 20
SHARED = [RoomKind.PUBLIC, RoomKind.PRIVATE, RoomKind.GROUP]


class ListChanges:
    """The first of `others` owns all rooms, so that no change is refused."""

    def __init__(self, database: Database, user: UUID, others: Sequence[UUID], seed: int) -> None:
        self._database, self._user, self._others = database, user, others
        self._chance = random.Random(seed)
        self._members: dict[UUID, set[UUID]] = {}
        self._archived: set[UUID] = set()
        self._direct: set[UUID] = set()

    async def apply(self, count: int) -> None:
        """So many changes, several in each transaction."""
        await self._load()
        for done in range(0, count, CHANGES_PER_COMMIT):
            await self._database.transact(self._change, min(CHANGES_PER_COMMIT, count - done))

    async def _load(self) -> None:
        async with self._database._engines.read.connect() as connection:
            rooms = await connection.execute(
                select(Room.id, Room.kind, Room.archived_at.is_not(None))
            )
            members = await connection.execute(select(Member.room_id, Member.user_id))
            of_rooms: dict[UUID, set[UUID]] = defaultdict(set)
            for room, user in members:
                of_rooms[room].add(user)
        self._members = {}
        for room, kind, is_archived in rooms:
            self._members[room] = of_rooms[room]
            if is_archived:
                self._archived.add(room)
            if kind is RoomKind.DIRECT:
                self._direct.add(room)

    async def _change(self, uow: UnitOfWork, count: int) -> None:
        for _ in range(count):
            while not await self._try(uow):
                pass
            await uow.flush()
            uow._session.expire_all()  # a use case begins with an empty session

    async def _try(self, uow: UnitOfWork) -> bool:
        """False: the change that was chosen is not possible now."""
        chance = self._chance
        rate = 0.5 if len(self._members) < FEW_ROOMS else 0.01
        if chance.random() < rate and len(self._members) < MAX_ROOMS:
            return await self._create(uow)
        if not self._members:
            return False
        room = chance.choice(list(self._members))
        if chance.random() < 0.05:
            return await self._archive_or_restore(uow, room)
        if self._user in self._members[room] and chance.random() < 0.3:
            return await self._move_marker(uow, room)
        if self._user in self._members[room] and chance.random() < 0.1:
            return await self._change_thread(uow, room)
        if room in self._archived:
            return False
        if chance.random() < 0.5:
            return await self._say(uow, room)
        if room in self._direct:
            return False
        if chance.random() < 0.5:
            return await self._edit(uow, room)
        return await self._come_or_go(uow, room)

    async def _create(self, uow: UnitOfWork) -> bool:
        chance, owner = self._chance, self._others[0]
        kind = chance.choice([*SHARED, RoomKind.DIRECT])
        if kind is RoomKind.DIRECT:
            spec = CreateRoom(kind=kind, members=[self._user])
            if self._direct:
                return False
        else:
            people = [self._user, *self._others[1:]]
            members = [person for person in people if chance.random() < 0.7]
            spec = CreateRoom(kind=kind, name=self._text(), members=members)
        room = (await create_room(uow, _actor(owner), spec, 10_000, "everybody")).view.id
        self._members[room] = {owner, *spec.members}
        if kind is RoomKind.DIRECT:
            self._direct.add(room)
        return True

    async def _archive_or_restore(self, uow: UnitOfWork, room: UUID) -> bool:
        if room in self._direct:
            return False
        change = UpdateRoom(archived=room not in self._archived)
        await update_room(uow, _actor(self._others[0]), room, change)
        self._archived ^= {room}
        return True

    async def _move_marker(self, uow: UnitOfWork, room: UUID) -> bool:
        move = self._chance.choice([mark_read, mark_unread])
        seq = self._chance.choice([self._chance.randrange(400), 2**40])
        await move(uow, _actor(self._user), room, seq)
        return True

    async def _say(self, uow: UnitOfWork, room: UUID) -> bool:
        sender = self._chance.choice(sorted(self._members[room]))
        user = await uow.users.get(self._user)
        assert user is not None
        text = self._text() + "🙂" * self._chance.choice([0, 3, 250])
        if self._chance.random() < 0.3:
            text += f" @{user.username}"
        root = await self._pick_root(uow, room) if self._chance.random() < 0.4 else None
        also_in_room = self._chance.choice([None, True]) if root else None
        content = Content(text=text, thread=root, also_in_room=also_in_room)
        send = SendRequest(_actor(sender), room, uuid4().hex, content)
        (outcome,) = await commit_batch(uow, [send], LIMITS, wait=True)
        assert isinstance(outcome, SendResult), outcome
        return True

    async def _pick_root(self, uow: UnitOfWork, room: UUID) -> int | None:
        """One of the first messages, so that threads have several replies."""
        messages = await uow.messages.list_after_unchecked(room, 0, 2**40, 10)
        roots = [message.seq for message in messages if message.thread is None]
        return self._chance.choice(roots) if roots else None

    async def _change_thread(self, uow: UnitOfWork, room: UUID) -> bool:
        """Read it, follow it, or do not any more."""
        root, user = await self._pick_root(uow, room), _actor(self._user)
        if root is None:
            return False
        if self._chance.random() < 0.7:
            seq = self._chance.choice([self._chance.randrange(400), 2**40])
            await threads.mark_thread_read(uow, user, room, root, seq)
        else:
            following = self._chance.random() < 0.7
            await threads.follow_thread(uow, user, room, root, following=following)
        return True

    async def _edit(self, uow: UnitOfWork, room: UUID) -> bool:
        owner = _actor(self._others[0])
        match self._chance.randrange(3):
            case 0:
                await update_room(uow, owner, room, UpdateRoom(name=self._text()))
            case 1:
                await update_room(uow, owner, room, UpdateRoom(topic=self._text()))
            case _ if self._user in self._members[room]:
                role = self._chance.choice([Role.MEMBER, Role.ADMIN])
                await roles.set_role(uow, owner, room, self._user, role)
            case _:
                return False
        return True

    async def _come_or_go(self, uow: UnitOfWork, room: UUID) -> bool:
        """Of the user, mostly."""
        owner, who = self._others[0], self._user
        if self._chance.random() < 0.2:
            who = self._chance.choice(self._others[1:])
        if who not in self._members[room]:
            await membership.add_members(uow, _actor(owner), room, [who])
        elif self._chance.random() < 0.5:
            await membership.leave(uow, _actor(who), room)
        else:
            await membership.remove_member(uow, _actor(owner), room, who)
        self._members[room] ^= {who}
        return True

    def _text(self) -> str:
        return f"text {self._chance.randrange(10**6)}"


def _actor(user: UUID) -> Actor:
    return Actor(user, user, is_admin=False, expires_at=now())


async def main(seed: str, count: str, user: str, *others: str) -> None:
    async with open_database(load_settings()) as database:
        changes = ListChanges(database, UUID(user), [UUID(other) for other in others], int(seed))
        await changes.apply(int(count))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
