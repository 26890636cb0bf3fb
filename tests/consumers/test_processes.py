"""The effects of a consumer happen exactly once, even if its processes are killed or stopped."""

import signal
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import pytest

from app.persistence.database import Database
from testkit.servers.backend import Backend
from testkit.stepping import run_stepper
from testkit.waiting import eventually
from tests.consumers.samples import logged_counts, open_rooms, standings, stored_counts

PROGRAM = "tests.consumers.program"

pytestmark = pytest.mark.usefixtures("rooms")


@pytest.fixture
async def rooms(database: Database, sender: UUID) -> list[UUID]:
    """Two rooms whose events are eleven batches."""
    return await open_rooms(database, sender, 2, 20)


async def exact(database: Database) -> bool:
    return await stored_counts(database) == await logged_counts(database)


async def test_killed_processes_count_each_message_once(
    backend: Backend, database: Database, tmp_path: Path
) -> None:
    """Each is killed during a batch, and the next one continues once the lease has expired."""
    settings = backend.override(consumers={"lease_ttl_s": 1})
    for batches in range(4):
        async with run_stepper(PROGRAM, settings, tmp_path) as stepper:
            for _ in range(batches):
                await stepper.next_step()
                stepper.commit()
            await stepper.next_step()
            await stepper.kill()
            assert not await exact(database)
    async with run_stepper(PROGRAM, settings, tmp_path) as stepper:
        stepper.commit(100)
        await eventually(lambda: exact(database))
        await stepper.end()
    (standing,) = await database.read(standings)
    assert standing.lag == 0


async def test_another_process_continues_at_once_after_an_orderly_end(
    backend: Backend, database: Database, tmp_path: Path
) -> None:
    settings = backend.override(consumers={"lease_ttl_s": 3600})
    async with run_stepper(PROGRAM, settings, tmp_path) as stepper:
        await stepper.next_step()
        await stepper.end()
    (standing,) = await database.read(standings)
    assert not standing.is_running
    async with run_stepper(PROGRAM, settings, tmp_path) as stepper:
        stepper.commit(100)
        await eventually(lambda: exact(database))


@pytest.mark.parametrize(
    "backend", [pytest.param("cluster", marks=pytest.mark.cluster)], indirect=True
)
async def test_a_process_that_was_stopped_in_a_batch_writes_nothing_after_its_lease(
    backend: Backend, database: Database, tmp_path: Path
) -> None:
    """MariaDB ends its transaction, whose locks block other processes until then."""
    settings = backend.override(consumers={"lease_ttl_s": 1})
    async with AsyncExitStack() as stack:
        stopped = await stack.enter_async_context(run_stepper(PROGRAM, settings, tmp_path))
        await stopped.next_step()
        stopped.send(signal.SIGSTOP)
        other = await stack.enter_async_context(run_stepper(PROGRAM, settings, tmp_path))
        await other.next_step()  # the same events
        stopped.commit(100)
        stopped.send(signal.SIGCONT)
        other.commit(100)
        await eventually(lambda: exact(database))
