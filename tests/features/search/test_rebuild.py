"""`python -m app search-rebuild`, and what the reader of the logs does."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from uuid import UUID

import pytest
from sqlalchemy import text

from app.consumers.search import SearchIndexing
from app.core.clock import now
from app.persistence.database import Database
from app.persistence.repositories.consumers import LogRange
from app.persistence.tables import Member
from app.persistence.uow import UnitOfWork
from app.search import rebuild
from app.search.messages import find_messages
from app.search.query import parse_query
from app.search.rebuild import Rebuild
from app.wire.domain import Role, SearchOrder
from app.wire.errors import Busy
from testkit.command_line import run_command
from testkit.servers.backend import CLEAR_SEARCH_INDEX, Backend
from tests.persistence.factories import add_user, open_room, send


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "MESSAGES_PER_BATCH", 7)
    monkeypatch.setattr(rebuild, "PAUSE_S", 0.0)


async def add_member(uow: UnitOfWork, room: UUID, user: UUID) -> None:
    member = Member(room_id=room, user_id=user, role=Role.MEMBER, joined_at=now(), read_seq=0)
    uow._session.add(member)


async def fill(database: Database, rooms: int, messages: int) -> tuple[UUID, list[UUID]]:
    """A user in rooms with messages that nothing has indexed."""
    user = await database.transact(add_user, "ann")
    ids = [await database.transact(open_room, user) for _ in range(rooms)]
    for room in ids:
        await database.transact(add_member, room, user)
        for number in range(messages):
            await database.transact(send, room, user, f"hello {number}", f"n{number}")
    return user, ids


async def count(database: Database, user: UUID, query: str = "hello ") -> int:
    page = await database.read_directly(
        find_messages, user, parse_query(query, 50), SearchOrder.TIME, None, 1000
    )
    return len(page.hits)


async def forget(database: Database) -> None:
    """Lose the index of terms."""
    async with database._engines.write.begin() as connection:
        await connection.execute(text(CLEAR_SEARCH_INDEX[connection.dialect.name]))


async def test_the_command_indexes_all_messages(backend: Backend, database: Database) -> None:
    user, _ = await fill(database, rooms=3, messages=20)
    assert await count(database, user) == 0
    done = await run_command(backend.settings, "search-rebuild")
    assert done.exit_code == 0, done.output
    assert "63 of 63 events of rooms" in done.stdout
    assert done.stdout.endswith("All messages are indexed.\n")
    assert await count(database, user) == 60
    await forget(database)
    assert await count(database, user) == 0
    assert (await run_command(backend.settings, "search-rebuild", "--from-start")).exit_code == 0
    assert await count(database, user) == 60


async def test_an_interrupted_rebuild_goes_on_where_it_ended(database: Database) -> None:
    user, _ = await fill(database, rooms=3, messages=20)
    async with aclosing(Rebuild(database).run()) as progresses:
        async for progress in progresses:
            if progress.done > 30:
                break
    assert 0 < (before := await count(database, user)) < 60
    others = [progress async for progress in Rebuild(database).run()]
    assert others[0].done == progress.done
    assert others[-1] == (63, 63)
    assert await count(database, user) == 60 > before
    async with aclosing(Rebuild(database).run()) as progresses:
        first = await anext(progresses)
    assert first.done == 0, "a rebuild after a complete one begins anew"


async def test_a_rebuild_can_begin_anew(database: Database) -> None:
    user, _ = await fill(database, rooms=2, messages=10)
    async with aclosing(Rebuild(database).run()) as progresses:
        async for progress in progresses:
            if progress.done:
                break
    await forget(database)
    others = [p async for p in Rebuild(database, from_start=True).run()]
    assert others[0].done == 0
    assert await count(database, user) == 20


async def test_two_rebuilds_do_not_run_at_once(database: Database) -> None:
    await fill(database, rooms=1, messages=20)
    async with aclosing(Rebuild(database).run()) as progresses:
        await anext(progresses)
        with pytest.raises(Busy):
            async with aclosing(Rebuild(database).run()) as others:
                await anext(others)


async def test_a_rebuild_beside_the_reader_of_the_logs(database: Database) -> None:
    user, rooms = await fill(database, rooms=4, messages=30)
    spans: Sequence[LogRange] = [
        LogRange(room, after, after + 5) for room in rooms for after in range(0, 35, 5)
    ]

    async def read_logs() -> None:
        for span in spans:
            await database.transact(SearchIndexing().handle, [span])

    async def rebuild_all() -> None:
        async for _ in Rebuild(database).run():
            pass

    await asyncio.gather(read_logs(), rebuild_all())
    assert await count(database, user) == 120


async def test_the_reader_of_the_logs_may_read_events_again(database: Database) -> None:
    """Also those of changes that a program of the release before has made, which has not changed
    the index."""
    user, [room] = await fill(database, rooms=1, messages=10)
    log = [LogRange(room, 0, 11)]
    for _ in range(3):
        await database.transact(SearchIndexing().handle, log)
        assert await count(database, user) == 10
    async with database._engines.write.begin() as connection:
        await connection.execute(text("UPDATE messages SET text = 'bye' WHERE seq = 4"))
    assert await count(database, user) == 10
    await database.transact(SearchIndexing().handle, log)
    assert (await count(database, user), await count(database, user, "bye ")) == (9, 1)


async def test_messages_of_one_moment_have_numbers_of_their_own(database: Database) -> None:
    """More than there are places in a microsecond."""
    user = await database.transact(add_user, "ann")
    room = await database.transact(open_room, user)
    await database.transact(add_member, room, user)
    for number in range(30):
        await database.transact(send, room, user, f"hello {number}", f"n{number}")
    async with database._engines.write.begin() as connection:
        await connection.execute(text("UPDATE messages SET at = '2026-11-30 12:00:00.000000'"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.persistence.search.documents._PLACES", 8)
        for after in range(0, 35, 5):
            await database.transact(SearchIndexing().handle, [LogRange(room, after, after + 5)])
    assert await count(database, user) == 30
