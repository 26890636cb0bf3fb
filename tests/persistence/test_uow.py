"""The unit of work: atomic, with seqs without gaps, and published only after COMMIT."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.ids import new_id
from app.core.publications import Publication
from app.persistence.database import Database
from app.persistence.message_tables import Mention
from app.persistence.uow import ReadSession, UnitOfWork
from app.settings import Settings
from app.wire.errors import UnknownOutcome
from app.wire.events import PublicationKind
from testkit.failure_injection import failing_at
from testkit.servers.backend import Backend
from testkit.servers.mariadb import MariaDb
from testkit.statements import BEGIN, COMMIT
from tests.persistence.factories import (
    add_user,
    logged_seqs,
    open_room,
    room_head,
    row_counts,
    send,
)

OpenDatabase = Callable[[Settings], Database]


async def test_concurrent_units_leave_a_log_without_gaps(
    database: Database, room: UUID, sender: UUID, announced: list[Publication]
) -> None:
    """Several tasks with several events per unit: every seq is used once and none is missing."""

    async def three(uow: UnitOfWork, name: str) -> list[int]:
        return [await send(uow, room, sender, "hi", f"{name}.{n}") for n in range(3)]

    taken = await asyncio.gather(*(database.transact(three, str(task)) for task in range(12)))
    expected = list(range(1, 38))
    assert sorted(itertools.chain.from_iterable(taken)) == expected[1:]
    assert await database.read(logged_seqs, room) == expected
    assert await database.read(room_head, room) == expected[-1]
    assert sorted(publication.seq for publication in announced) == expected[1:]
    assert all(
        publication.kind is PublicationKind.MESSAGE and publication.channel == room
        for publication in announced
    )


async def test_publications_come_after_the_commit(
    backend: Backend, database: Database, room: UUID, sender: UUID
) -> None:
    """A process that receives a publication can read the event over any connection."""
    told: list[Publication] = []
    committed: list[bool] = []

    @event.listens_for(database._engines.write.sync_engine, "commit")
    def before_commit(_: Any) -> None:
        committed.append(not told)

    database._publish = told.extend
    seq = await database.transact(send, room, sender, "hi", "n")
    assert committed == [True]
    assert [publication.seq for publication in told] == [seq]
    assert told[0].payload.startswith(b'{"type":"message.created"')
    assert seq in await database.read(logged_seqs, room)


async def test_a_failing_use_case_changes_nothing(
    database: Database, room: UUID, sender: UUID, announced: list[Publication]
) -> None:
    before = await row_counts(database)

    async def fail(uow: UnitOfWork) -> None:
        await send(uow, room, sender, "hi", "n")
        await uow.flush()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.transact(fail)
    assert await row_counts(database) == before
    assert announced == []
    assert await database.transact(send, room, sender, "hi", "n") == 2, "no seq was used"


async def test_a_unit_that_fails_at_any_statement_changes_nothing(
    database: Database, room: UUID, sender: UUID, announced: list[Publication]
) -> None:
    bob = await database.transact(add_user, "bob")
    before = await row_counts(database)
    failed: list[str] = []
    for failure in itertools.count(1):
        with failing_at(database, failure) as log:
            try:
                await database.transact(send, room, sender, "hi @bob", "n", bob)
            except DBAPIError:
                failed.append(log.statements[-1].split()[0])
        if not log.triggered:
            break
        assert await row_counts(database) == before
        assert await database.read(room_head, room) == 1
        assert announced == []
    # The lock, the counter, three tables, and the end.
    assert Counter(word for word in failed if word != BEGIN) == {
        "SELECT": 1,
        "UPDATE": 2,
        "INSERT": 3,
        COMMIT: 1,
    }
    assert failed[-1] == COMMIT
    assert await database.read(logged_seqs, room) == [1, 2]
    assert [publication.seq for publication in announced] == [2]


async def test_a_rejected_commit_changes_nothing(
    embedded: Backend, announced: list[Publication], open_database: OpenDatabase
) -> None:
    """A real rejection: SQLite checks a deferred foreign key only at COMMIT."""
    database = open_database(embedded.override(database={"max_attempts": 3}))
    sender = await database.transact(add_user, "ann")
    room = await database.transact(open_room, sender)
    announced.clear()
    before = await row_counts(database)
    runs = 0

    async def orphan(uow: UnitOfWork) -> None:
        nonlocal runs
        runs += 1
        await uow._session.execute(text("PRAGMA defer_foreign_keys=ON"))
        await send(uow, room, sender, "hi", "n")
        uow._session.add(Mention(user_id=new_id(), room_id=room, seq=2))

    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        await database.transact(orphan)
    assert runs == 3
    assert await row_counts(database) == before
    assert announced == []
    assert await database.transact(send, room, sender, "hi", "n") == 2, "the writer is usable"


async def test_a_connection_lost_before_commit_is_an_unknown_outcome(
    cluster: Backend, mariadb: MariaDb, announced: list[Publication], open_database: OpenDatabase
) -> None:
    database = open_database(cluster.override(database={"max_attempts": 3}))
    before = await row_counts(database)

    async def cut(uow: UnitOfWork) -> None:
        await add_user(uow, "ann")
        number = await uow._session.scalar(text("SELECT CONNECTION_ID()"))
        async with mariadb.connect() as other:
            await other.execute(text(f"KILL {number}"))

    with pytest.raises(UnknownOutcome):
        await database.transact(cut)
    assert await row_counts(database) == before
    assert announced == []


async def test_a_cancelled_unit_changes_nothing_and_returns_its_connection(
    backend: Backend, open_database: OpenDatabase
) -> None:
    one = {"pool_size": 1, "pool_timeout_s": 60}
    database = open_database(backend.override(database=one))
    inside = asyncio.Event()

    async def hang(uow: UnitOfWork) -> None:
        await add_user(uow, "ann")
        inside.set()
        await asyncio.Event().wait()

    for _ in range(3):
        inside.clear()
        unit = asyncio.create_task(database.transact(hang))
        await inside.wait()
        unit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unit
    await database.transact(add_user, "ann")
    assert (await row_counts(database))["users"] == 1


async def test_a_read_session_has_no_methods_that_write(database: Database) -> None:
    writing = {"add", "add_token", "add_ticket", "lock", "remove", "revoke", "mark_read"}

    async def look(reader: ReadSession) -> set[str]:
        repositories = vars(reader).values()
        return {name for one in repositories for name in dir(one) if name in writing}

    assert await database.read(look) == set()
    assert await database.transact(look) == writing


async def test_a_unit_without_events_publishes_nothing(
    database: Database, announced: list[Publication]
) -> None:
    await database.transact(add_user, "ann")
    assert announced == []


async def test_a_publication_without_an_event_is_not_logged(
    database: Database, room: UUID, sender: UUID, announced: list[Publication]
) -> None:
    publication = Publication(PublicationKind.READ, room, 1, sender)

    async def read_up(uow: UnitOfWork) -> None:
        uow.publish(publication)

    await database.transact(read_up)
    assert announced == [publication]
    assert await database.read(logged_seqs, room) == [1]


async def cancelled_and_swallowed(uow: ReadSession) -> str:
    """Behaves like a driver that uses `wait_for` of Python 3.11."""
    task = asyncio.current_task()
    assert task
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    return "went on"


async def test_a_swallowed_cancellation_ends_a_read(database: Database) -> None:
    reading = asyncio.create_task(database.read(cancelled_and_swallowed))
    await asyncio.wait([reading])
    assert reading.cancelled()


async def test_a_swallowed_cancellation_ends_a_command_after_it_is_published(
    database: Database, room: UUID, sender: UUID, announced: list[Publication]
) -> None:
    async def command(uow: UnitOfWork) -> str:
        await send(uow, room, sender, "hi", "n")
        return await cancelled_and_swallowed(uow)

    writing = asyncio.create_task(database.transact(command))
    await asyncio.wait([writing])
    assert writing.cancelled()
    assert await database.read(room_head, room) == 2
    assert [publication.seq for publication in announced] == [2], "what is committed is announced"
