"""What is due is deleted exactly once, whatever happens to processes and clocks."""

import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from app.core.actor import Actor
from app.core.clock import now
from app.core.send_request import SendRequest
from app.messages.send.batch import commit_batch
from app.persistence.consumer_tables import ConsumerLease
from app.persistence.database import Database
from app.persistence.message_tables import DeletedMessage, ExpiringMessage
from app.persistence.repositories.consumers import JOB_PREFIX
from app.settings import Settings
from app.wire.content import NewContent
from testkit.answers import assert_ok
from testkit.limits import LIMITS
from testkit.people import Person
from testkit.processes import run_process
from testkit.server import fast_settings
from testkit.servers.backend import Backend
from testkit.waiting import eventually
from tests.persistence.schema import opened
from tests.realtime.test_clock_steps import SteppingDatabase, new_person
from tests.realtime.test_clock_steps import stepping as stepping  # a fixture

MESSAGES = 1500
HOUR = 3600


@pytest.fixture
def settings(backend: Backend) -> Settings:
    return fast_settings(backend.settings)


async def add_expiring(database: Database, sender: Person, room: str) -> None:
    """Messages whose time has come."""
    actor = Actor(UUID(sender.id), UUID(sender.session or sender.id), False, now())
    content = NewContent(text="psst", expires_in_s=10)
    for _ in range(MESSAGES // 100):
        sends = [SendRequest(actor, UUID(room), uuid4().hex, content) for _ in range(100)]
        await database.transact_batch(commit_batch, sends, LIMITS, wait=True)


async def expire(settings: Settings, room: str, at_offset_s: int = -1, *seqs: int) -> None:
    """The time of messages of the room is so far from now."""
    where = [ExpiringMessage.room_id == UUID(room)]
    if seqs:
        where.append(ExpiringMessage.seq.in_(seqs))
    async with opened(settings) as engines, engines.write.begin() as connection:
        await connection.execute(
            update(ExpiringMessage)
            .where(*where)
            .values(expires_at=now() + timedelta(seconds=at_offset_s))
        )


async def end_lease(settings: Settings) -> None:
    """The lease of a process that was killed has expired."""
    async with opened(settings) as engines, engines.write.begin() as connection:
        await connection.execute(
            update(ConsumerLease)
            .where(ConsumerLease.consumer == f"{JOB_PREFIX}retention")
            .values(expires_at=now() - timedelta(seconds=1))
        )


async def deleted_seqs(settings: Settings, room: str) -> set[int]:
    query = select(DeletedMessage.seq).where(DeletedMessage.room_id == UUID(room))
    async with opened(settings) as engines, engines.read.connect() as connection:
        return set(await connection.scalars(query))


async def expiring_count(settings: Settings, room: str) -> int:
    query = select(func.count()).where(ExpiringMessage.room_id == UUID(room))
    async with opened(settings) as engines, engines.read.connect() as connection:
        return (await connection.execute(query)).scalar_one()


async def test_each_message_is_deleted_once_by_processes_that_are_killed(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    """Two of them run the job where the database takes two. All are killed in the midst of it."""
    processes = 1 if settings.database.is_sqlite else 2

    async def some_are_deleted(more_than: int) -> bool:
        return len(await deleted_seqs(settings, room)) > more_than

    async with run_process(settings, tmp_path) as process:
        ada = await new_person(process)
        room = await ada.makes_room()
        await add_expiring(database, ada, room)
        await expire(settings, room)
        await eventually(lambda: some_are_deleted(0))
        process.signal(signal.SIGKILL)
        await process.ended()
    before = len(await deleted_seqs(settings, room))
    assert before < MESSAGES
    await end_lease(settings)
    async with AsyncExitStack() as stack:
        running = [
            await stack.enter_async_context(run_process(settings, tmp_path))
            for _ in range(processes)
        ]
        await eventually(lambda: some_are_deleted(before))
        for process in running:
            process.signal(signal.SIGKILL)
            await process.ended()
    await end_lease(settings)
    async with AsyncExitStack() as stack:
        running = [
            await stack.enter_async_context(run_process(settings, tmp_path))
            for _ in range(processes)
        ]
        await eventually(lambda: some_are_deleted(MESSAGES - 1))
        log = await running[-1].here(ada).log(room)
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    events = [event["seqs"] for event in log if event["type"] == "messages.deleted"]
    assert Counter(seq for seqs in events for seq in seqs) == Counter(range(3, MESSAGES + 3))
    assert all(len(seqs) <= 100 for seqs in events)
    assert await expiring_count(settings, room) == 0


@pytest.fixture
async def clocked(stepping: SteppingDatabase) -> AsyncIterator[SteppingDatabase]:
    yield stepping
    stepping.clock.set_offset(0)


async def whisper(person: Person, room: str) -> int:
    message = assert_ok(await person.sends(room, "psst", expires_in_s=HOUR), 201)
    seq: int = message["seq"]
    return seq


@pytest.mark.cluster
async def test_the_clock_of_the_database_says_what_is_due(
    clocked: SteppingDatabase, tmp_path: Path
) -> None:
    """It is set back and forward. A lease from before it was set back blocks no process."""
    settings, clock = clocked.settings, clocked.clock

    async def is_deleted(seq: int) -> bool:
        return seq in await deleted_seqs(settings, room)

    async with clocked.run_process(tmp_path) as process:
        ada = await new_person(process)
        room = await ada.makes_room()
        early, late = await whisper(ada, room), await whisper(ada, room)
        await clocked.set_back()
        await expire(settings, room, -HOUR, early)
        await eventually(lambda: is_deleted(early))
        assert not await is_deleted(late)
        clock.set_offset(2 * HOUR)
        await eventually(lambda: is_deleted(late))
    clock.set_offset(0)
    async with clocked.run_process(tmp_path) as process:
        ada = await new_person(process)
        room = await ada.makes_room()
        early, late = await whisper(ada, room), await whisper(ada, room)
        await expire(settings, room, -HOUR, early)
        await eventually(lambda: is_deleted(early))
        assert not await is_deleted(late)
