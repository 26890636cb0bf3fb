"""Connections that direct reads and batches keep: they are used again, and are there for everybody
else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import event as sqlalchemy_event

from app.core.ids import new_id
from app.messages.send.batch import commit_individually
from app.persistence import kept_connections
from app.persistence.database import Database
from app.persistence.direct_reads import DirectReads
from app.persistence.migrations import SchemaStatus
from app.persistence.uow import BatchUnitOfWork, ReadSession
from app.settings import Settings
from app.wire.errors import NotFound
from testkit.limits import LIMITS
from testkit.servers.backend import Backend
from testkit.waiting import eventually
from tests.group_commit.concurrent_sends import make_room, make_users, send_request

OpenDatabase = Callable[[Settings], Database]


async def read(database: Database) -> None:
    await database.read_directly(lambda reads: reads.access.find(new_id(), new_id()))


async def read_in_session(database: Database) -> None:
    await database.read(lambda reads: reads.rooms.get(new_id()))


def checkouts(database: Database) -> list[object]:
    """One for each time that a connection of the pool of reads is checked out from now on."""
    seen: list[object] = []
    engine = database._engines.read.sync_engine
    sqlalchemy_event.listen(engine, "checkout", lambda *arguments: seen.append(arguments))
    return seen


async def test_a_connection_is_kept_between_two_reads_and_then_returned(
    database: Database,
) -> None:
    seen = checkouts(database)
    for _ in range(5):
        await read(database)
    assert len(seen) == 1
    pool = database._engines.read.sync_engine.pool
    assert database.connections()["read"][0] == 0, "an idle one does not count as in use"
    assert pool.status()
    await eventually(lambda: database._engines.kept_reads.idle == 0)
    await read(database)
    assert len(seen) == 2


async def test_a_connection_is_returned_although_it_is_used(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.persistence.engine.MAX_KEPT_S", 0.0)
    seen = checkouts(database)
    for _ in range(3):
        await read(database)
    assert len(seen) == 3
    assert database._engines.kept_reads.idle == 0


async def test_others_get_the_connections_that_are_kept(
    backend: Backend, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the whole pool in use, those that are only kept are given up at once."""
    monkeypatch.setattr(kept_connections, "MAX_IDLE_S", 3600.0)
    size = 4
    database = open_database(backend.override(database={"pool_size": size}))
    async with holding(database, size - 1):
        pass
    assert database._engines.kept_reads.idle == size - 1
    await asyncio.gather(*(read_in_session(database) for _ in range(3 * size)))
    assert database.connections()["read"][0] == 0


async def test_questions_about_the_server_get_the_connections_that_are_kept(
    backend: Backend, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The health check and the consumers ask for the schema, beside any session."""
    monkeypatch.setattr(kept_connections, "MAX_IDLE_S", 3600.0)
    database = open_database(backend.override(database={"pool_size": 4, "pool_timeout_s": 5}))
    async with holding(database, 3):
        pass
    assert database._engines.kept_reads.idle == 3
    inside, release = asyncio.Event(), asyncio.Event()

    async def hold(reads: ReadSession) -> None:
        await reads.rooms.get(new_id())
        inside.set()
        await release.wait()

    holder = asyncio.create_task(database.read(hold))
    await inside.wait()
    assert await database.schema() is SchemaStatus.CURRENT
    release.set()
    await holder


async def test_who_waits_gets_the_connection_of_the_read_that_ends_first(
    backend: Backend, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_connections, "MAX_IDLE_S", 3600.0)
    database = open_database(backend.override(database={"pool_size": 4}))
    async with holding(database, 4) as releases:
        for run, release in zip((read_in_session, read), releases, strict=False):
            waiting = asyncio.create_task(run(database))
            await asyncio.sleep(0)
            release.set()
            await waiting


@asynccontextmanager
async def holding(database: Database, count: int) -> AsyncIterator[list[asyncio.Event]]:
    """So many direct reads go on until the end, or until their event is set."""
    inside = asyncio.Semaphore(0)
    releases = [asyncio.Event() for _ in range(count)]

    async def hold(reads: DirectReads, release: asyncio.Event) -> None:
        await reads.access.find(new_id(), new_id())
        inside.release()
        await release.wait()

    holders = [asyncio.create_task(database.read_directly(hold, event)) for event in releases]
    for _ in holders:
        await inside.acquire()
    yield releases
    for release in releases:
        release.set()
    await asyncio.gather(*holders)


async def test_a_pool_of_one_connection_keeps_none(
    backend: Backend, open_database: OpenDatabase
) -> None:
    database = open_database(backend.override(database={"pool_size": 1}))
    await read(database)
    assert database._engines.kept_reads.idle == 0
    await read_in_session(database)


async def test_a_connection_is_kept_between_two_batches_and_given_up_for_other_units(
    cluster: Backend, open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_connections, "MAX_IDLE_S", 3600.0)
    database = open_database(cluster.override(database={"pool_size": 2}))
    engines = database._engines
    [ada] = await database.transact(make_users, "ada")
    room = await database.transact(make_room, [ada])
    for number in range(3):
        await commit_individually(database, LIMITS, send_request(ada, room, str(number)))
        assert engines.kept_writes.idle == 1
    assert database.connections()["write"][0] == 0, "an idle one does not count as in use"
    units = [database.transact(make_room, [ada]) for _ in range(6)]
    await asyncio.gather(*units)
    assert database.connections()["write"][0] == 0


async def test_a_connection_of_a_batch_that_failed_is_not_kept(
    cluster: Backend, open_database: OpenDatabase
) -> None:
    database = open_database(cluster.settings)

    async def fail(uow: BatchUnitOfWork) -> None:
        await uow.message_batch.lock_rooms([new_id()], wait=True)
        raise NotFound("of the use case, in the middle of a transaction")

    with pytest.raises(NotFound):
        await database.transact_batch(fail)
    assert database._engines.kept_writes.idle == 0
    assert database.connections()["write"][0] == 0
