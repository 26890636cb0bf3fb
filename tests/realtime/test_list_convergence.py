"""A client that was away for many changes comes back with its snapshot, and then has exactly the
list of rooms that a new client gets, in every field."""

import random
from pathlib import Path
from uuid import UUID

import pytest

from app.persistence.repositories import room_lists
from app.persistence.sql.statement import Statement
from app.persistence.tables import UserEventRow
from testkit.people import Person
from testkit.servers.backend import Backend
from testkit.servers.backups import back_up, restore
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.list_changes import ListChanges
from tests.realtime.room_lists import ListReplica, differences, listed
from tests.realtime.test_epochs import after_restore

pytestmark = pytest.mark.usefixtures("no_overlap")


async def prepare(server: DedicatedServer, seed: int) -> tuple[Person, ListChanges]:
    """Ada, and changes of her list, the first of which have happened."""
    ada, *others = [await server.person(name) for name in ("ada", "owner", "bob", "eve")]
    changes = ListChanges(
        server.running.context.database, UUID(ada.id), [UUID(one.id) for one in others], seed
    )
    await changes.apply(400)
    return ada, changes


async def come_back(person: Person, replica: ListReplica) -> bool:
    """Returns whether the list was full."""
    frames = await listed(person, replica.snapshot)
    replica.apply(frames)
    return bool(frames[0]["full"])


async def test_a_client_that_was_away_for_10000_changes_has_the_list_of_a_new_one(
    start: StartServer,
) -> None:
    server = await start()
    ada, changes = await prepare(server, seed=1)
    replica = ListReplica()
    assert await come_back(ada, replica)
    before = dict(replica.rooms)
    await changes.apply(10_000)
    assert not await come_back(ada, replica)
    assert differences(replica, await listed(ada)) == []
    assert len(replica.rooms) > 10
    assert before.keys() - replica.rooms.keys(), "some rooms have gone"
    assert replica.rooms.keys() - before.keys(), "some rooms are new"


@pytest.mark.parametrize("seed", [2, 3])
async def test_a_client_that_comes_back_often_has_the_list_of_a_new_one(
    start: StartServer, seed: int
) -> None:
    """Each time with the snapshot of the time before."""
    server = await start()
    ada, changes = await prepare(server, seed)
    replica, chance = ListReplica(), random.Random(seed)
    await come_back(ada, replica)
    for _ in range(20):
        await changes.apply(chance.choice([0, 1, 5, 100]))
        assert not await come_back(ada, replica)
        assert differences(replica, await listed(ada)) == []


async def test_the_comparison_detects_a_list_without_what_the_users_log_names(
    start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not fail otherwise."""
    server = await start()
    ada, changes = await prepare(server, seed=4)
    nothing = Statement(room_lists._USER_EVENTS.query.where(UserEventRow.seq < 0))  # type: ignore[attr-defined]
    monkeypatch.setattr(room_lists, "_USER_EVENTS", nothing)
    replica = ListReplica()
    await come_back(ada, replica)
    await changes.apply(40)
    assert not await come_back(ada, replica)
    fields = {line.split()[1] for line in differences(replica, await listed(ada))}
    assert {"read_seq:", "room:"} <= fields


async def test_the_comparison_detects_a_list_without_the_rooms_that_have_changed(
    start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada, changes = await prepare(server, seed=5)
    nothing = Statement(room_lists._CHANGED_ROOMS.query.where(UserEventRow.seq < 0))  # type: ignore[attr-defined]
    monkeypatch.setattr(room_lists, "_CHANGED_ROOMS", nothing)
    replica = ListReplica()
    await come_back(ada, replica)
    await changes.apply(40)
    assert not await come_back(ada, replica)
    fields = {line.split()[1] for line in differences(replica, await listed(ada))}
    assert {"seq:", "last_message:"} <= fields


async def test_a_client_has_the_list_of_a_new_one_after_a_restore(
    start: StartServer, backend: Backend, tmp_path: Path
) -> None:
    """Also of what has happened since, although the numbers are those of before."""
    server = await start()
    ada, changes = await prepare(server, seed=6)
    await back_up(backend.settings, tmp_path / "backup")
    await changes.apply(500)
    replica = ListReplica()
    await come_back(ada, replica)
    await server.running.stop()
    await restore(backend.settings, tmp_path / "backup")
    await after_restore(backend)
    await server.running.start()
    again = ListChanges(server.running.context.database, UUID(ada.id), changes._others, seed=7)
    await again.apply(600)
    assert await come_back(ada, replica)
    assert differences(replica, await listed(ada)) == []
    await again.apply(100)
    assert not await come_back(ada, replica)
    assert differences(replica, await listed(ada)) == []
