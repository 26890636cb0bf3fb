"""An interrupted import continues, and concurrent imports import each message once."""

import asyncio
import itertools
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from app.persistence import database as database_module
from app.persistence.database import Database
from app.settings import Settings
from app.wire.errors import UnknownOutcome
from testkit.command_line import start_command
from testkit.failure_injection import DEADLOCK, failing_at
from testkit.servers.backend import Backend
from testkit.waiting import eventually
from tests.importers.archives import SAMPLE, many, run
from tests.importers.imported_data import Contents, check_logs, delete_everything, read_contents
from tests.persistence.factories import row_counts

OpenDatabase = Callable[[Settings], Database]


async def expected(database: Database, file: Path) -> Contents:
    """The result of an import without interruption. The database is empty afterwards."""
    assert (await run(database, file))[0]
    found = await read_contents(database)
    await delete_everything(database)
    return found


async def test_an_import_continues_after_a_failure_of_any_statement(database: Database) -> None:
    """The first statement fails, in the next run the second, and so on, until a run has fewer."""
    whole = await expected(database, SAMPLE)
    for failure in itertools.count(1):
        with failing_at(database, failure) as log:
            try:
                right, _ = await run(database, SAMPLE)
            except DBAPIError:
                right = False
        await check_logs(database)
        assert right != log.triggered
        if right:
            break
    assert failure > 20
    assert await read_contents(database) == whole


async def test_an_import_repeats_batches_that_hit_a_deadlock(database: Database) -> None:
    whole = await expected(database, SAMPLE)
    for failure in itertools.count(3, 10):
        with failing_at(database, failure, DEADLOCK) as log:
            assert (await run(database, SAMPLE))[0]
        if not log.triggered:
            break
        assert await read_contents(database) == whole
        await delete_everything(database)
    assert failure > 50


@contextmanager
def commits_that(
    monkeypatch: pytest.MonkeyPatch, before: Callable[[int], None], after: Callable[[int], None]
) -> Iterator[None]:
    """Calls `before(n)` and `after(n)` around the n-th COMMIT; 1 is the first."""
    numbers = itertools.count(1)
    commit = database_module._commit

    async def disturbed(commit_transaction: Callable[[], Awaitable[None]]) -> None:
        number = next(numbers)
        before(number)
        await commit(commit_transaction)
        after(number)

    with monkeypatch.context() as patch:
        patch.setattr(database_module, "_commit", disturbed)
        yield


def nothing(number: int) -> None:
    """Do nothing."""


def doubt(number: int) -> None:
    """The connection breaks during every other COMMIT."""
    if number % 2:
        raise UnknownOutcome("Done or not?")


@pytest.mark.parametrize(("before", "after"), [(doubt, nothing), (nothing, doubt)])
async def test_an_import_resolves_commits_with_unknown_outcome(
    before: Callable[[int], None],
    after: Callable[[int], None],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = await expected(database, SAMPLE)
    with commits_that(monkeypatch, before, after):
        assert (await run(database, SAMPLE))[0]
    assert await read_contents(database) == whole


async def test_an_import_cancelled_after_any_commit_continues(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by Ctrl-C: the first run ends after its first COMMIT, the second after its second."""
    whole = await expected(database, SAMPLE)
    for commits in itertools.count(1):
        task = asyncio.create_task(run(database, SAMPLE))

        def cancel(number: int, task: asyncio.Task[Any] = task, last: int = commits) -> None:
            if number == last:
                task.cancel()

        with commits_that(monkeypatch, nothing, cancel):
            await asyncio.wait([task])
        await check_logs(database)
        if not task.cancelled():
            break
    assert commits > 5
    assert await read_contents(database) == whole


async def has_begun(database: Database, process: Process) -> bool:
    return process.returncode is not None or bool((await row_counts(database))["messages"])


async def test_a_killed_import_continues(
    backend: Backend, database: Database, tmp_path: Path
) -> None:
    archive = many(tmp_path / "many.tsv", messages=3000, users=40)
    whole = await expected(database, archive)
    async with start_command(backend.settings, "import", "gitter", str(archive)) as process:
        await eventually(lambda: has_begun(database, process))
        assert process.returncode is None, (await process.communicate())[1]
        process.kill()
        await process.wait()
    found = await read_contents(database)
    assert 500 <= len(found.messages) < 3000
    await check_logs(database)
    assert (await run(database, archive, batch=500))[0]
    assert await read_contents(database) == whole


async def test_concurrent_imports_import_each_message_once(
    backend: Backend, database: Database, open_database: OpenDatabase, tmp_path: Path
) -> None:
    archive = many(tmp_path / "many.tsv", messages=200, users=30)
    whole = await expected(database, archive)
    other = open_database(backend.settings)
    both = await asyncio.gather(*(run(one, archive) for one in (database, other)))
    assert [right for right, _ in both] == [True, True], both
    assert await read_contents(database) == whole
