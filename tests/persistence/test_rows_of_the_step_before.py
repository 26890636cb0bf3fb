"""While a rolling update is under way, a program of the step before writes rows without what the
list of rooms counts with. The list is right all the same, and the next message repairs the room.
"""

import itertools
import random
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import insert, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.actor import Actor
from app.core.clock import now
from app.core.send_request import SendRequest
from app.messages.send.batch import commit_batch
from app.messages.service import mark_read, mark_unread
from app.persistence.database import Database
from app.persistence.message_tables import Mention
from app.persistence.repositories.room_lists import RoomListRow
from app.persistence.tables import Member, MessageRow, Room, RoomEventRow
from app.persistence.uow import UnitOfWork
from app.rooms import membership
from app.rooms.service import create_room, update_room
from app.wire.content import Content
from app.wire.domain import Role, RoomKind
from app.wire.schemas.rooms import CreateRoom, UpdateRoom
from testkit.limits import LIMITS
from tests.persistence.factories import add_user

NAMES = ("ann", "ben", "cleo")


@dataclass
class Steps:
    """Changes of a room, by this program and by the one of the step before. Users by number; the
    first of them is the owner."""

    database: Database
    actors: list[Actor]
    room: UUID
    nonces: "itertools.count[int]"

    async def say(self, who: int, named: int) -> None:
        text = f"says @{NAMES[named]}"
        send = SendRequest(self.actors[who], self.room, f"n{next(self.nonces)}", Content(text=text))
        await self.database.transact(commit_batch, [send], LIMITS, wait=True)

    async def say_before(self, who: int, named: int) -> None:
        """The step before notes neither how many messages there are nor whose they are, and moves
        no read marker."""
        user, other = self.actors[who].user, self.actors[named].user
        async with self.database._engines.write.begin() as connection:
            members = set(
                await connection.scalars(select(Member.user_id).where(Member.room_id == self.room))
            )
            if user not in members:
                return
            seq = await self._advance(connection)
            at, nonce = now(), f"n{next(self.nonces)}"
            place = {"room_id": self.room, "seq": seq}
            said = {"sender_id": user, "nonce": nonce, "text": "before", "at": at}
            await connection.execute(insert(MessageRow).values(**place, **said))
            event = {"type": "message.created", "actor_id": user, "at": at, "message_seq": seq}
            await connection.execute(insert(RoomEventRow).values(**place, **event))
            if other in members and other != user:
                await connection.execute(insert(Mention).values(user_id=other, **place))

    async def add_before(self, who: int) -> None:
        user = self.actors[who].user
        async with self.database._engines.write.begin() as connection:
            is_member = select(Member.user_id).where(
                Member.room_id == self.room, Member.user_id == user
            )
            if await connection.scalar(is_member):
                return
            seq = await self._advance(connection)
            body = f'{{"member":{{"user":"{user}","role":"member"}}}}'
            event = {"type": "member.joined", "actor_id": user, "at": now(), "body": body}
            await connection.execute(
                insert(RoomEventRow).values(room_id=self.room, seq=seq, **event)
            )
            member = {"role": Role.MEMBER, "joined_at": now(), "read_seq": seq}
            unknown = {"sent_seq": null(), "mentioned_seq": null()}
            await connection.execute(
                insert(Member).values(room_id=self.room, user_id=user, **member, **unknown)
            )

    async def _advance(self, connection: AsyncConnection) -> int:
        seq = (await connection.scalar(select(Room.seq).where(Room.id == self.room)) or 0) + 1
        await connection.execute(update(Room).where(Room.id == self.room).values(seq=seq))
        return seq

    async def rename(self, who: int) -> None:
        change = UpdateRoom(name=f"Name {next(self.nonces)}")
        await self.database.transact(update_room, self.actors[0], self.room, change)

    async def read(self, who: int, seq: int) -> None:
        if await self._is_member(who):
            await self.database.transact(mark_read, self.actors[who], self.room, seq)

    async def unread(self, who: int, seq: int) -> None:
        if await self._is_member(who):
            await self.database.transact(mark_unread, self.actors[who], self.room, seq)

    async def go_or_come(self, who: int) -> None:
        actor = self.actors[who]
        if await self._is_member(who):
            await self.database.transact(membership.leave, actor, self.room)
        else:
            await self.database.transact(membership.join, actor, self.room, 100)

    async def _is_member(self, who: int) -> bool:
        user = self.actors[who].user
        return (
            await self.database.read(lambda reads: reads.members.get(self.room, user)) is not None
        )

    async def check(self) -> None:
        """Every member's entry is what a count of the tables gives, for both kinds of readers."""
        expected = await self._counted()
        pairs = [(self.room, actor.user) for actor in self.actors]
        for read in (self.database.read, self.database.read_directly):
            rows = await read(lambda reads: reads.room_lists.entries(pairs))
            assert {row.user: _shown(row) for row in rows} == expected

    async def _counted(self) -> dict[UUID, tuple[object, ...]]:
        """By user: read_seq, unread, mentions, and seq, sender and time of the last message."""
        async with self.database._engines.read.connect() as connection:
            messages = list(
                await connection.execute(
                    select(MessageRow.seq, MessageRow.sender_id, MessageRow.at)
                    .where(MessageRow.room_id == self.room)
                    .order_by(MessageRow.seq)
                )
            )
            mentions = list(
                await connection.execute(
                    select(Mention.seq, Mention.user_id).where(Mention.room_id == self.room)
                )
            )
            markers = await connection.execute(
                select(Member.user_id, Member.read_seq).where(Member.room_id == self.room)
            )
            last = tuple(messages[-1]) if messages else (None, None, None)
            return {
                user: (
                    marker,
                    sum(seq > marker and sender != user for seq, sender, _ in messages),
                    sum(seq > marker and named == user for seq, named in mentions),
                    *last,
                )
                for user, marker in markers
            }

    async def is_repaired(self) -> bool:
        """The newest event knows how many messages there are, so that nothing has to be counted."""
        async with self.database._engines.read.connect() as connection:
            counted = await connection.scalar(
                select(RoomEventRow.message_count)
                .join(Room, Room.id == RoomEventRow.room_id)
                .where(Room.id == self.room, RoomEventRow.seq == Room.seq)
            )
            seqs = await connection.scalars(
                select(MessageRow.seq).where(MessageRow.room_id == self.room)
            )
            return counted == len(seqs.all())


def _shown(row: RoomListRow) -> tuple[object, ...]:
    return row.read_seq, row.unread, row.mentions, row.last_seq, row.last_sender, row.last_at


@pytest.fixture
async def steps(database: Database) -> Steps:
    async def prepare(uow: UnitOfWork) -> tuple[list[Actor], UUID]:
        users = [await add_user(uow, name) for name in NAMES]
        actors = [Actor(user, user, is_admin=False, expires_at=now()) for user in users]
        spec = CreateRoom(kind=RoomKind.PUBLIC, name="A room", members=users[1:])
        created = await create_room(uow, actors[0], spec, 100, "everybody")
        return actors, created.view.id

    actors, room = await database.transact(prepare)
    return Steps(database, actors, room, itertools.count())


async def test_messages_of_the_step_before_are_counted_and_shown(steps: Steps) -> None:
    await steps.say(0, named=1)
    await steps.check()
    await steps.say_before(2, named=1)
    await steps.say_before(1, named=0)
    await steps.check()
    assert not await steps.is_repaired()
    await steps.rename(0)  # an event that is no message does not know it either
    await steps.check()
    assert not await steps.is_repaired()


async def test_the_next_message_repairs_a_room(steps: Steps) -> None:
    for who in (0, 1, 2, 1):
        await steps.say_before(who, named=0)
    await steps.say(2, named=1)
    assert await steps.is_repaired()
    await steps.check()
    await steps.rename(0)
    assert await steps.is_repaired()
    await steps.check()


async def test_a_room_that_only_the_step_before_has_written_is_repaired(steps: Steps) -> None:
    """As after the migration: no row knows anything."""
    for who in (0, 1, 2, 1):
        await steps.say_before(who, named=0)
    async with steps.database._engines.write.begin() as connection:
        await connection.execute(update(RoomEventRow).values(message_count=None))
        await connection.execute(update(RoomEventRow).values(last_message_seq=None))
        await connection.execute(update(Member).values(sent_seq=None, mentioned_seq=None))
    await steps.check()
    await steps.say(1, named=2)
    assert await steps.is_repaired()
    await steps.check()
    for who in range(len(NAMES)):
        await steps.unread(who, 5)
    await steps.check()


async def test_a_mention_of_the_step_before_is_counted_although_none_was_known(
    steps: Steps,
) -> None:
    await steps.say(0, named=2)
    await steps.read(1, 5)
    await steps.say_before(0, named=1)
    await steps.check()
    await steps.say(2, named=0)
    await steps.check()


@pytest.mark.parametrize("seed", range(6))
async def test_any_mixture_of_programs_shows_what_a_count_of_the_tables_gives(
    steps: Steps, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        who, named = chance.randrange(3), chance.randrange(3)
        match chance.randrange(10):
            case 0 | 1 | 2:
                await steps.say(who, named)
            case 3 | 4:
                await steps.say_before(who, named)
            case 5:
                await steps.read(who, chance.randrange(40))
            case 6:
                await steps.unread(who, chance.randrange(40))
            case 7:
                await steps.rename(who)
            case 8 if who:
                await steps.go_or_come(who)
            case _ if who:
                await steps.add_before(who)
            case _:
                pass
        await steps.check()
    await steps.say(0, named=1)
    assert await steps.is_repaired()
    await steps.check()
