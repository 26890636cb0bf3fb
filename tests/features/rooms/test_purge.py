"""What is left of deleted rooms is deleted, in batches, whatever happens to the process."""

from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Table, select
from sqlalchemy.exc import DBAPIError

from app.messages import purge
from app.messages.purge import PURGE
from app.messages.retention import delete_due
from app.persistence.database import Database
from app.persistence.repositories.room_purges import KEPT, Purge
from app.persistence.room_tables import RoomPurge
from app.persistence.tables import Base, Member, MessageRow, Room
from app.persistence.uow import ReadSession
from testkit.answers import assert_ok
from testkit.failure_injection import failing_on_text
from testkit.peer import Peers
from testkit.people import Person, all_pages
from testkit.server import TestServer
from testkit.server_fixtures import server_fixtures
from testkit.waiting import eventually
from tests.features.rooms.room_contents import PURGED, count_rows, end_grace, furnish

# The tests run the job, and not the server.
embedded_server, cluster_server, server = server_fixtures(
    "module", database={"retention_interval_s": 86_400}
)


@pytest.fixture
async def server_database(server: TestServer) -> AsyncIterator[Database]:
    """After each test nothing is due."""
    database = server.context.database
    yield database
    while purge_due := await database.read(find_due):
        await delete_due(database, PURGE.create_lease(), PURGE)
        await end_grace(database, str(purge_due.room))


async def find_due(reads: ReadSession) -> Purge | None:
    return await reads.room_purges.find_due()


async def run_purge(database: Database) -> bool:
    return await delete_due(database, PURGE.create_lease(), PURGE)


async def delete(person: Person, room: str, name: str = "A room") -> None:
    assert_ok(await person.post(f"/rooms/{room}/delete", confirmation=name), 204)


def test_the_purge_knows_each_table_that_has_rows_of_rooms() -> None:
    """Add a new one to `room_purges.py`, which deletes its rows or says why they stay."""
    models: tuple[type[Base], ...] = (*PURGED, *KEPT, RoomPurge)
    known = {model.__tablename__ for model in models}
    of_rooms = {table.name for table in Base.metadata.sorted_tables if "room_id" in table.c}
    assert of_rooms <= known
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            if key.column.table.name == Room.__tablename__:
                assert key.parent.name == "room_id"
            elif key.column.table.name in of_rooms:
                assert table.name in known


async def test_the_purge_deletes_the_rows_of_all_tables(
    server: TestServer,
    http: httpx.AsyncClient,
    server_database: Database,
    ada: Person,
    bob: Person,
    eve: Person,
) -> None:
    database, former = server_database, await server.person(http, "former")
    room = await furnish(ada, bob, eve, former)
    guest = await server.person(http, "guest")
    invite = assert_ok(await ada.post(f"/rooms/{room}/invites"), 201)
    assert_ok(await guest.post(f"/invites/{invite['code']}/join"))

    async def has_all() -> bool:  # the consumers of the logs write some of them
        return 0 not in (await count_rows(database, room)).values()

    await eventually(has_all)
    other = await ada.makes_room("private", bob)
    await bob.says(other, "stays")
    before = await count_messages(database, other)
    await delete(ada, room, "A furnished room")
    assert await run_purge(database)
    counts = await count_rows(database, room)
    of_users = ("members", "drafts", "saved_messages", "scheduled_messages", "reminders")
    assert [counts[name] for name in of_users] == [0] * len(of_users)
    assert counts["messages"] > 0  # a process may still read of the deletion
    assert not await run_purge(database)
    await end_grace(database, room)
    assert await run_purge(database)
    assert set((await count_rows(database, room)).values()) == {0}
    assert await read_tombstone(database, room)
    assert await database.read(find_due) is None
    assert await count_messages(database, other) == before


async def count_messages(database: Database, room: str) -> tuple[int, ...]:
    """And what else no consumer of the logs writes."""
    counts = await count_rows(database, room)
    return tuple(counts[name] for name in ("messages", "room_events", "members"))


async def read_tombstone(database: Database, room: str) -> Any:
    async with database._engines.read.connect() as connection:
        query = select(Room.deleted_at).where(Room.id == UUID(room))
        return (await connection.execute(query)).scalar_one()


async def test_the_purge_deletes_a_bounded_number_of_rows_at_a_time_and_goes_on_after_a_failure(
    server_database: Database, monkeypatch: pytest.MonkeyPatch, ada: Person, bob: Person
) -> None:
    """A process that fails, or is killed, in the middle of a transaction has done nothing of it."""
    monkeypatch.setattr(purge, "ROWS_PER_TRANSACTION", 3)
    database = server_database
    room = await ada.makes_room("private", bob)
    await bob.says(room, *map(str, range(10)))
    await delete(ada, room)
    await run_purge(database)
    await end_grace(database, room)
    with failing_on_text(database, "DELETE FROM messages"), pytest.raises(DBAPIError):
        await database.transact(purge.purge_some)
    for left in (10, 7, 4, 1, 0):
        assert await count(database, MessageRow, room) == left
        await database.transact(purge.purge_some)
    assert await run_purge(database)
    assert set((await count_rows(database, room)).values()) == {0}


async def count(database: Database, model: type[Base], room: str) -> int:
    return (await count_rows(database, room))[cast(Table, model.__table__).name]


async def test_members_learn_from_their_logs_what_the_purge_deletes(
    server: TestServer,
    http: httpx.AsyncClient,
    server_database: Database,
    peers: Peers,
    ada: Person,
    bob: Person,
    eve: Person,
) -> None:
    room = await furnish(ada, bob, eve, await server.person(http, "former"))
    seen = await peers.join(bob)
    await delete(ada, room, "A furnished room")
    await seen.loses(room)
    assert await count(server_database, Member, room) == 2
    await run_purge(server_database)
    for kind in ("draft", "saved", "scheduled", "reminder"):
        changed = await seen.expect("item.changed", kind=kind)
        assert "value" not in changed or changed["value"] is None
    [page] = await all_pages(bob, "/users/me/reminders")
    assert page == []
