"""The effects of a consumer happen exactly once, even if its processes are killed or stopped."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from app.persistence.database import Database
from app.settings import Settings
from testkit.processes import environment
from testkit.servers.backend import Backend
from testkit.servers.process import ends_with_parent
from testkit.waiting import eventually, limit
from tests.consumers.samples import logged_counts, open_rooms, standings, stored_counts

pytestmark = pytest.mark.usefixtures("rooms")


class Stepper:
    """A process that runs `program.py`."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def next_batch(self) -> None:
        """Returns when the process has handled a batch and has not committed it."""
        assert self._process.stdout
        async with limit():
            line = b""
            while not line.startswith(b"handled"):
                line = await self._process.stdout.readline()
                assert line, "the process has ended"

    def commit(self, batches: int = 1) -> None:
        assert self._process.stdin
        self._process.stdin.write(b"go\n" * batches)

    async def end(self) -> None:
        """Stop the process in order."""
        assert self._process.stdin
        self._process.stdin.close()
        async with limit():
            assert await self._process.wait() == 0

    def send(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    async def kill(self) -> None:
        if self._process.returncode is None:
            self.send(signal.SIGKILL)
        async with limit():
            await self._process.communicate()


@asynccontextmanager
async def stepping(settings: Settings, directory: Path) -> AsyncIterator[Stepper]:
    process = await asyncio.create_subprocess_exec(
        *ends_with_parent(),
        *(sys.executable, "-m", "tests.consumers.program"),
        cwd=directory,  # where there is no .env
        env=environment(settings),
        stdin=PIPE,
        stdout=PIPE,
    )
    stepper = Stepper(process)
    try:
        yield stepper
    finally:
        await stepper.kill()


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
        async with stepping(settings, tmp_path) as stepper:
            for _ in range(batches):
                await stepper.next_batch()
                stepper.commit()
            await stepper.next_batch()
            await stepper.kill()
            assert not await exact(database)
    async with stepping(settings, tmp_path) as stepper:
        stepper.commit(100)
        await eventually(lambda: exact(database))
        await stepper.end()
    (standing,) = await database.read(standings)
    assert standing.lag == 0


async def test_another_process_continues_at_once_after_an_orderly_end(
    backend: Backend, database: Database, tmp_path: Path
) -> None:
    settings = backend.override(consumers={"lease_ttl_s": 3600})
    async with stepping(settings, tmp_path) as stepper:
        await stepper.next_batch()
        await stepper.end()
    (standing,) = await database.read(standings)
    assert not standing.is_running
    async with stepping(settings, tmp_path) as stepper:
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
        stopped = await stack.enter_async_context(stepping(settings, tmp_path))
        await stopped.next_batch()
        stopped.send(signal.SIGSTOP)
        other = await stack.enter_async_context(stepping(settings, tmp_path))
        await other.next_batch()  # the same events
        stopped.commit(100)
        stopped.send(signal.SIGCONT)
        other.commit(100)
        await eventually(lambda: exact(database))
