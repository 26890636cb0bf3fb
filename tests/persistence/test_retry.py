"""Units of work that the database aborts or rejects are repeated as a whole, or refused."""

import asyncio
import itertools
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import pytest
import uvloop
from sqlalchemy import ExceptionContext, event, make_url, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app.core.ids import new_id
from app.core.publications import Publication
from app.persistence import engine as engine_module
from app.persistence.database import Database
from app.persistence.direct_reads import DirectReads
from app.persistence.engine import create_engines
from app.persistence.uow import ReadSession, UnitOfWork
from app.settings import Settings
from app.wire.errors import Busy
from testkit.failure_injection import DEADLOCK, failing_at
from testkit.servers.backend import Backend
from testkit.servers.mariadb import MariaDb
from testkit.waiting import LIMIT_S
from tests.faults.proxy import AT_ONCE, HOST
from tests.persistence.factories import (
    add_user,
    logged_seqs,
    make_user,
    open_room,
    row_counts,
    send,
)

OpenDatabase = Callable[[Settings], Database]
ENDLESS = (
    "SELECT COUNT(*) FROM information_schema.collations a, information_schema.collations b,"
    " information_schema.collations c, information_schema.collations d"
)


@contextmanager
def errors(database: Database) -> Iterator[tuple[list[Any], asyncio.Event]]:
    """The codes of all errors that the database returned, including those that were retried, and an
    event that is set at the first one."""
    seen: list[Any] = []
    there = asyncio.Event()

    def remember(context: ExceptionContext) -> None:
        seen.append(context.original_exception.args[0])
        there.set()

    engine = database._engines.write.sync_engine
    event.listen(engine, "handle_error", remember)
    try:
        yield seen, there
    finally:
        event.remove(engine, "handle_error", remember)


async def test_a_deadlock_at_any_statement_repeats_the_whole_unit(
    database: Database, room: UUID, sender: UUID, announced: list[Publication]
) -> None:
    for failure in itertools.count(1):
        with failing_at(database, failure, DEADLOCK) as log:
            seq = await database.transact(send, room, sender, "hi", f"n{failure}")
        assert seq == failure + 1
        if not log.triggered:
            break
    assert failure > 5
    assert await database.read(logged_seqs, room) == list(range(1, failure + 2))
    assert [publication.seq for publication in announced] == list(range(2, failure + 2))


async def test_a_lost_pooled_connection_is_replaced(
    cluster: Backend, mariadb: MariaDb, open_database: OpenDatabase
) -> None:
    database = open_database(cluster.override(database={"max_attempts": 3}))
    runs = 0

    async def cut_once(uow: UnitOfWork) -> UUID:
        nonlocal runs
        runs += 1
        number = await uow._session.scalar(text("SELECT CONNECTION_ID()"))
        if runs == 1:
            async with mariadb.connect() as other:
                await other.execute(text(f"KILL {number}"))
        return await add_user(uow, "ann")

    await database.transact(cut_once)
    assert runs == 2
    assert (await row_counts(database))["users"] == 1


async def test_a_real_deadlock_is_retried(
    cluster: Backend, announced: list[Publication], open_database: OpenDatabase
) -> None:
    """Two units lock the same two rooms in opposite order."""
    database = open_database(cluster.override(database={"max_attempts": 8}))
    sender = await database.transact(add_user, "ann")
    rooms = [await database.transact(open_room, sender) for _ in range(2)]
    announced.clear()
    have_their_first = asyncio.Barrier(2)
    runs: Counter[str] = Counter()

    async def both(uow: UnitOfWork, name: str, order: list[UUID]) -> None:
        runs[name] += 1
        await send(uow, order[0], sender, "hi", name)
        await uow.flush()
        if runs[name] == 1:
            await have_their_first.wait()
        await send(uow, order[1], sender, "hi", name)

    with errors(database) as (seen, _):
        await asyncio.gather(
            database.transact(both, "one", rooms), database.transact(both, "two", rooms[::-1])
        )
    assert seen == [1213]
    assert sorted(runs.values()) == [1, 2]
    for room in rooms:
        assert await database.read(logged_seqs, room) == [1, 2, 3]
    assert len(announced) == 4


async def test_a_real_lock_wait_timeout_is_retried(
    cluster: Backend,
    mariadb: MariaDb,
    announced: list[Publication],
    monkeypatch: pytest.MonkeyPatch,
    open_database: OpenDatabase,
) -> None:
    """It rolls back one statement only; the earlier statements of the unit must not be done
    twice."""
    monkeypatch.setattr(engine_module, "LOCK_WAIT_S", 1)
    database = open_database(cluster.override(database={"max_attempts": 8}))
    sender = await database.transact(add_user, "ann")
    free, taken = [await database.transact(open_room, sender) for _ in range(2)]
    announced.clear()
    runs = 0

    async def two(uow: UnitOfWork) -> None:
        nonlocal runs
        runs += 1
        await send(uow, free, sender, "hi", "n")
        await uow.flush()
        await send(uow, taken, sender, "hi", "n")

    async def hold(uow: UnitOfWork) -> asyncio.Task[None]:
        await uow.rooms.lock(taken)
        unit = asyncio.create_task(database.transact(two))
        await asyncio.wait_for(timed_out.wait(), LIMIT_S)
        return unit

    with errors(database) as (seen, timed_out):
        await (await database.transact(hold))
    assert seen == [1205] * (runs - 1)
    assert runs > 1
    for room in (free, taken):
        assert await database.read(logged_seqs, room) == [1, 2]
    assert len(announced) == 2


@pytest.mark.parametrize("kind", ["read", "transact"])
async def test_a_statement_that_takes_too_long_is_busy(
    cluster: Backend, kind: str, open_database: OpenDatabase
) -> None:
    """It is not repeated."""
    database = open_database(cluster.override(database={"statement_timeout_s": 0.2}))
    runs = 0

    async def never_ends(reader: ReadSession) -> None:
        nonlocal runs
        runs += 1
        await reader.rooms._session.execute(text(ENDLESS))

    run: Callable[..., Any] = getattr(database, kind)
    with pytest.raises(Busy) as busy:
        await run(never_ends)
    assert busy.value.retry_after_ms
    assert runs == 1


async def test_a_unit_that_waits_too_long_for_a_room_is_busy_and_changes_nothing(
    cluster: Backend, announced: list[Publication], open_database: OpenDatabase
) -> None:
    """MariaDB counts the wait for a lock as time of the statement."""
    database = open_database(cluster.override(database={"statement_timeout_s": 0.3}))
    sender = await database.transact(add_user, "ann")
    free, taken = [await database.transact(open_room, sender) for _ in range(2)]
    announced.clear()

    async def two(uow: UnitOfWork) -> None:
        await send(uow, free, sender, "hi", "n")
        await uow.flush()
        await send(uow, taken, sender, "hi", "n")

    async def hold(uow: UnitOfWork) -> None:
        await uow.rooms.lock(taken)
        with pytest.raises(Busy):
            await database.transact(two)

    await database.transact(hold)
    assert announced == []
    await database.transact(two)
    for room in (free, taken):
        assert await database.read(logged_seqs, room) == [1, 2]


@contextmanager
def resets_everybody() -> Iterator[int]:
    """A port that accepts connections and resets them as fast as possible."""

    def reset_them() -> None:
        with suppress(OSError):  # closed
            while True:
                plug, _ = listener.accept()
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                plug.close()

    with socket.create_server((HOST, 0)) as listener, ThreadPoolExecutor(1) as thread:
        done = thread.submit(reset_them)
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            done.result(LIMIT_S)


def keep_busy() -> None:
    time.sleep(0.003)
    asyncio.get_running_loop().call_soon(keep_busy)


def test_connections_reset_while_they_are_made_are_busy(cluster: Backend) -> None:
    """Under uvloop, as in the server, this raises no OSError. The event loop is busy, so that the
    reset arrives before the connection is used."""

    async def scenario(port: int) -> None:
        keep_busy()
        url = make_url(cluster.settings.database.url).set(host=HOST, port=port)
        settings = cluster.override(database={"url": url.render_as_string(hide_password=False)})
        database = Database(create_engines(settings.database), lambda _: None, 8, 999)
        try:
            for _ in range(10):
                with pytest.raises(Busy):
                    await database.read(lambda reader: reader.users.get(new_id()))
        finally:
            await database.dispose()

    with resets_everybody() as port, ThreadPoolExecutor(1) as thread:
        thread.submit(uvloop.run, scenario(port)).result(LIMIT_S)


async def test_a_duplicate_name_repeats_the_unit_which_then_finds_it(
    database: Database,
) -> None:
    runs = 0

    async def find_or_add(uow: UnitOfWork) -> UUID:
        nonlocal runs
        runs += 1
        if runs == 1:  # somebody else was faster, in the middle of this unit
            uow.users.add(make_user("bob"))
            return await add_user(uow, "bob")
        found = await uow.users.by_key("bob")
        return found.id if found else await add_user(uow, "bob")

    first = await database.transact(find_or_add)
    assert runs == 2
    assert await database.transact(find_or_add) == first
    assert (await row_counts(database))["users"] == 1


async def test_concurrent_registrations_of_one_name_create_one_account(database: Database) -> None:
    async def find_or_add(uow: UnitOfWork) -> UUID:
        found = await uow.users.by_key("bob")
        return found.id if found else await add_user(uow, "bob")

    got = await asyncio.gather(*(database.transact(find_or_add) for _ in range(20)))
    assert len(set(got)) == 1
    assert (await row_counts(database))["users"] == 1


async def test_a_unit_that_can_never_succeed_raises_its_error(
    database: Database, sender: UUID, announced: list[Publication]
) -> None:
    with pytest.raises(IntegrityError):
        await database.transact(add_user, "ann")
    assert (await row_counts(database))["users"] == 1
    assert announced == []


@pytest.mark.setting("CHAT_DATABASE__MAX_ATTEMPTS")
async def test_a_unit_is_retried_max_attempts_times(
    backend: Backend, open_database: OpenDatabase
) -> None:
    database = open_database(backend.override(database={"max_attempts": 3}))
    runs = 0

    async def unlucky(_uow: UnitOfWork) -> None:
        nonlocal runs
        runs += 1
        raise OperationalError("", {}, Exception(DEADLOCK, "deadlock"))

    with pytest.raises(Busy):
        await database.transact(unlucky)
    assert runs == 3


@pytest.mark.parametrize("kind", ["read", "transact"])
@pytest.mark.setting("CHAT_DATABASE__POOL_SIZE")
async def test_a_unit_is_busy_while_all_connections_are_in_use(
    backend: Backend, kind: str, open_database: OpenDatabase
) -> None:
    one = {"pool_size": 1, "pool_timeout_s": 0.2}
    database = open_database(backend.override(database=one))
    run: Callable[..., Any] = getattr(database, kind)
    inside, release = asyncio.Event(), asyncio.Event()

    async def hold(reader: ReadSession) -> None:
        await reader.users.get(new_id())
        inside.set()
        await release.wait()

    holder = asyncio.create_task(run(hold))
    await inside.wait()
    with pytest.raises(Busy) as busy:
        await run(lambda reader: reader.users.get(new_id()))
    assert busy.value.retry_after_ms
    release.set()
    await holder
    await run(lambda reader: reader.users.get(new_id()))


async def test_a_direct_read_is_busy_while_all_connections_are_in_use(
    backend: Backend, open_database: OpenDatabase
) -> None:
    one = {"pool_size": 1, "pool_timeout_s": 0.2}
    database = open_database(backend.override(database=one))
    inside, release = asyncio.Event(), asyncio.Event()

    async def hold(reads: DirectReads) -> None:
        await reads.access.find(new_id(), new_id())
        inside.set()
        await release.wait()

    holder = asyncio.create_task(database.read_directly(hold))
    await inside.wait()
    with pytest.raises(Busy):
        await database.read_directly(lambda reads: reads.access.find(new_id(), new_id()))
    release.set()
    await holder
    assert not (
        await database.read_directly(lambda reads: reads.access.find(new_id(), new_id()))
    ).is_member


async def test_an_unavailable_database_is_busy_until_it_is_back(
    cluster: Backend, mariadb: MariaDb, open_database: OpenDatabase
) -> None:
    """Killed, as by a power failure: committed rows are there afterwards."""
    database = open_database(cluster.override(database={"max_attempts": 3}))
    await database.transact(add_user, "ann")
    with mariadb.server.killed():
        with pytest.raises(Busy):
            await database.transact(add_user, "bob")
        with pytest.raises(Busy):
            await database.read(lambda reader: reader.users.by_key("ann"))
        with pytest.raises(Busy):
            await database.read_directly(lambda reads: reads.access.find(new_id(), new_id()))
    await database.transact(add_user, "bob")
    assert (await row_counts(database))["users"] == 2
