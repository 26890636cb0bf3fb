"""The database's clock steps back: lists of rooms with a snapshot from before have all changes."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.clock import now
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.tables import ServerStateRow
from app.settings import Settings
from testkit.answers import assert_ok
from testkit.people import API, Person
from testkit.processes import ServerProcess, environment, run_process
from testkit.server import (
    PASSWORD,
    fast_settings,
    new_cluster_settings,
    new_embedded_settings,
    unique_username,
)
from testkit.servers.backend import override
from testkit.servers.fake_clock import FakeClock
from testkit.servers.mariadb import run_mariadb
from testkit.servers.process import ends_with_parent
from testkit.waiting import eventually, limit
from tests.features.scheduling.test_scheduled_messages import PAST, is_sent, schedule, texts
from tests.persistence.schema import opened
from tests.realtime.room_lists import ListReplica, differences, entries, listed

FIVE_MINUTES = 300
pytestmark = [
    pytest.mark.cluster,  # both need libfaketime, which comes with the servers
    pytest.mark.timeout(1800),  # and are slow with it
]


@dataclass(frozen=True)
class SteppingDatabase:
    """A database with a clock that is moved. For SQLite that is the clock of the process."""

    clock: FakeClock
    settings: Settings

    def run_process(self, directory: Path) -> AbstractAsyncContextManager[ServerProcess]:
        is_own_clock = self.settings.database.is_sqlite
        return run_process(
            self.settings, directory, variables=self.clock.variables if is_own_clock else {}
        )

    async def change_list(self, seed: int, count: int, *users: Person) -> None:
        """Changes of the list of the first of these users, in a process with this clock."""
        is_own_clock = self.settings.database.is_sqlite
        clock = self.clock.variables if is_own_clock else {}
        process = await asyncio.create_subprocess_exec(
            *(*ends_with_parent(), sys.executable, "-m", "tests.realtime.list_changes"),
            *(str(seed), str(count), *(user.id for user in users)),
            env=environment(self.settings) | dict(clock),
        )
        async with limit(4):  # many changes, and libfaketime slows them down
            assert await process.wait() == 0

    async def state(self) -> tuple[int, datetime]:
        """The steps that were counted, and the highest time that was seen."""
        query = select(ServerStateRow.clock_steps, ServerStateRow.clock_at)
        async with opened(self.settings) as engines, engines.read.connect() as connection:
            steps, at = (await connection.execute(query)).one()
        return steps, at

    async def set_back(self) -> None:
        """Return when a process that starts now sees the clock five minutes behind."""
        self.clock.set_offset(-FIVE_MINUTES)
        if not self.settings.database.is_sqlite:
            await eventually(self._is_behind)

    async def _is_behind(self) -> bool:
        async with opened(self.settings) as engines, engines.read.connect() as connection:
            at = await connection.scalar(select(DatabaseNow()))
        return at is not None and at < now() - timedelta(seconds=FIVE_MINUTES / 2)

    async def steps(self, count: int) -> bool:
        return (await self.state())[0] == count

    async def goes_on_after(self, at: datetime) -> None:
        async def is_later() -> bool:
            return (await self.state())[1] > at

        await eventually(is_later)


@pytest.fixture(params=["embedded", "cluster"])
async def stepping(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[SteppingDatabase]:
    clock = FakeClock(tmp_path)
    fast: Callable[[Settings], Settings] = lambda settings: override(  # noqa: E731
        fast_settings(settings), realtime={"change_poll_interval_ms": 100}
    )
    if request.param == "embedded":
        async with new_embedded_settings(tmp_path) as settings:
            yield SteppingDatabase(clock, fast(settings))
        return
    redis = request.getfixturevalue("redis_server")
    with run_mariadb(tmp_path, variables=clock.variables) as mariadb:
        assert mariadb.server.pid
        async with new_cluster_settings(mariadb, redis, tmp_path) as settings:
            yield SteppingDatabase(clock, fast(settings))


async def new_person(process: ServerProcess, name: str = "ada") -> Person:
    http, name = process._http, unique_username(name)
    account = {"username": name, "password": PASSWORD}
    user = assert_ok(await http.post(f"{API}/auth/register", json=account), 201)
    form = account | {"grant_type": "password"}
    login = assert_ok(await http.post(f"{API}/auth/token", data=form))
    return Person(http, user["id"], name, login["access_token"], login["refresh_token"], "")


async def test_changes_after_a_step_back_are_in_the_next_list(
    stepping: SteppingDatabase, tmp_path: Path
) -> None:
    """Also when the clock has overtaken the snapshot again."""
    async with stepping.run_process(tmp_path) as process:
        ada = await new_person(process)
        room = await ada.makes_room()
        snapshot = (await listed(ada))[-1]["snapshot"]
        await stepping.set_back()
        await eventually(lambda: stepping.steps(1))
        await ada.says(room, "after the step")
        assert entries(await listed(ada, snapshot))[room]["seq"] == 3
        stepping.clock.set_offset(0)
        await stepping.goes_on_after(now())
        frames = await listed(ada, snapshot)
        assert frames[0]["full"]
        assert entries(frames)[room]["seq"] == 3
        later = await listed(ada, frames[-1]["snapshot"])
        assert not later[0]["full"]
    assert await stepping.steps(1), "a step forward is none"


async def test_a_step_back_while_no_process_runs_is_counted_before_the_first_connection(
    stepping: SteppingDatabase, tmp_path: Path
) -> None:
    async with stepping.run_process(tmp_path) as process:
        ada = await new_person(process)
        room = await ada.makes_room()
        snapshot = (await listed(ada))[-1]["snapshot"]
    await stepping.set_back()
    async with stepping.run_process(tmp_path) as process:
        assert await stepping.steps(1)
        ada = process.here(ada)
        await ada.says(room, "after the step")
        frames = await listed(ada, snapshot)
        assert frames[0]["full"]
        assert entries(frames)[room]["seq"] == 3


async def test_a_client_that_was_away_during_a_step_back_has_the_list_of_a_new_one(
    stepping: SteppingDatabase, tmp_path: Path
) -> None:
    """Changes before the step and after it, and when the clock has overtaken the snapshot; compared
    in every field."""
    async with stepping.run_process(tmp_path) as process:
        users = [await new_person(process, name) for name in ("ada", "owner", "bob")]
        ada, replica = users[0], ListReplica()
        await stepping.change_list(1, 100, *users)
        replica.apply(await listed(ada))
        first = replica.snapshot
        await stepping.change_list(2, 150, *users)
        await stepping.set_back()
        await eventually(lambda: stepping.steps(1))
        await stepping.change_list(3, 150, *users)
        replica.apply(await listed(ada, replica.snapshot))
        assert differences(replica, await listed(ada)) == []
        await stepping.change_list(4, 50, *users)
        frames = await listed(ada, replica.snapshot)
        assert not frames[0]["full"]
        replica.apply(frames)
        assert differences(replica, await listed(ada)) == []
        stepping.clock.set_offset(0)
        await stepping.goes_on_after(now())
        await stepping.change_list(5, 100, *users)
        for snapshot in (replica.snapshot, first):
            replica.apply(await listed(ada, snapshot))
            assert differences(replica, await listed(ada)) == []


async def test_the_clock_of_the_database_decides_which_messages_are_due(
    stepping: SteppingDatabase, tmp_path: Path
) -> None:
    """A step back does not send a message again, and delays the next one until its time."""
    async with stepping.run_process(tmp_path) as process:
        ada = await new_person(process)
        room = await ada.makes_room()
        await schedule(ada, room, nonce="a", text="before", due_at=PAST)
        await eventually(lambda: is_sent(ada, room, "before"))
        await stepping.set_back()
        await eventually(lambda: stepping.steps(1))
        behind = timedelta(seconds=FIVE_MINUTES)
        due_at = (now() - behind / 2).isoformat()
        await schedule(ada, room, nonce="b", text="not yet", due_at=due_at)
        long_ago = (now() - behind * 2).isoformat()
        await schedule(ada, room, nonce="c", text="now", due_at=long_ago)
        await eventually(lambda: is_sent(ada, room, "now"))
        assert await texts(ada, room) == ["before", "now"]
        stepping.clock.set_offset(0)
        await eventually(lambda: is_sent(ada, room, "not yet"))
        assert await texts(ada, room) == ["before", "now", "not yet"]
