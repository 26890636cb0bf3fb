"""Alembic as operators use it, and interrupted migrations."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import Engine, event, make_url, text
from sqlalchemy.exc import OperationalError

from app.persistence.migrations import MigrationError, SchemaStatus, schema_status, upgrade
from app.persistence.tables import Base
from app.settings import ROOT, Settings
from testkit.servers.backend import Backend, migrate
from testkit.servers.mariadb import MariaDb
from testkit.waiting import pause
from tests.persistence import schema as stepping
from tests.persistence.schema import alembic_config, execute, opened, schema

STEPS = sorted(file.name.partition("_")[0] for file in (ROOT / "alembic/versions").glob("0*.py"))


class Finished(NamedTuple):
    code: int
    stdout: str
    output: str  # what a person sees: stdout and stderr


async def alembic(settings: Settings | str, *words: str, root: Path = ROOT) -> Finished:
    """Run `alembic …` in the checkout with the URL of the database and no other setting."""
    url = settings if isinstance(settings, str) else settings.database.url
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("alembic"),
        *words,
        cwd=root,
        env=os.environ | {"CHAT_DATABASE__URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = (stream.decode() for stream in await process.communicate())
    return Finished(process.returncode or 0, stdout, stdout + stderr)


async def models_as_schema(settings: Settings) -> dict[str, list[str]]:
    """The schema of app/persistence/tables.py, created in an empty database and removed again."""
    async with opened(settings) as engines:
        async with engines.write.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        found = await schema(settings)
        async with engines.write.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)
    return found


@pytest.fixture
def own_checkout(tmp_path: Path) -> Path:
    """The parts of a checkout that alembic needs, without migrations."""
    root = tmp_path / "checkout"
    shutil.copytree(
        ROOT / "alembic", root / "alembic", ignore=shutil.ignore_patterns("*.pyc", "0*.py")
    )
    shutil.copy(ROOT / "alembic.ini", root)
    (root / "app").symlink_to(ROOT / "app")
    return root


async def test_the_alembic_command_upgrades_and_downgrades(blank: Backend) -> None:
    settings = blank.settings
    for typed, says in (
        ("upgrade head", "-> 0001"),
        ("check", "No new upgrade operations detected"),
        ("current", "(head)"),
        ("downgrade -1", f"{STEPS[-1]} -> "),
        ("downgrade base", "0001 -> "),
        ("history", "<base> -> 0001"),
    ):
        finished = await alembic(settings, *typed.split())
        assert finished.code == 0, finished.output
        assert says in finished.output
    assert await schema(settings) == {}


async def test_migrations_create_the_schema_of_the_tables(blank: Backend) -> None:
    expected = await models_as_schema(blank.settings)
    assert await migrate(blank.settings) == STEPS
    assert await schema(blank.settings) == expected
    assert await migrate(blank.settings) == []


async def test_a_generated_migration_works_and_does_not_depend_on_the_application(
    blank: Backend, own_checkout: Path
) -> None:
    expected = await models_as_schema(blank.settings)
    words = ("revision", "--autogenerate", "-m", "all of it")
    made = await alembic(blank.settings, *words, root=own_checkout)
    assert made.code == 0, made.output
    assert "app." not in (own_checkout / "alembic/versions/0001_all_of_it.py").read_text()
    await stepping.upgrade(blank.settings, "head", own_checkout)
    await stepping.find_differences(blank.settings, own_checkout)
    assert await schema(blank.settings) == expected
    await stepping.downgrade(blank.settings, "base", own_checkout)
    assert await schema(blank.settings) == {}


async def test_a_missing_migration_is_detected(blank: Backend) -> None:
    await migrate(blank.settings)
    await execute(blank.settings, "ALTER TABLE mentions ADD COLUMN forgotten INTEGER")
    finished = await alembic(blank.settings, "check")
    assert finished.code != 0
    assert "forgotten" in finished.output


async def test_the_offline_script_creates_the_same_schema(blank: Backend) -> None:
    expected = await models_as_schema(blank.settings)
    finished = await alembic(blank.settings, "upgrade", "head", "--sql")
    assert finished.code == 0, finished.output
    lines = [line for line in finished.stdout.splitlines() if not line.startswith("--")]
    statements = [statement.strip() for statement in "\n".join(lines).split(";")]
    own = {"", "BEGIN", "COMMIT"}  # `execute` has its own transaction
    await execute(blank.settings, *(sql for sql in statements if sql not in own))
    assert await schema(blank.settings) == expected
    assert await migrate(blank.settings) == [], "the script records the revision"


@asynccontextmanager
async def migrating(settings: Settings) -> AsyncIterator[None]:
    """Hold the migration lock."""
    async with opened(settings) as engines, engines.write.begin() as connection:
        if not settings.database.is_sqlite:  # there to have begun is to have the lock
            name = f"chat-migrate:{make_url(settings.database.url).database}"
            assert await connection.scalar(text(f"SELECT GET_LOCK('{name}', 0)")) == 1
        yield


async def test_concurrent_migrations_run_one_after_the_other(blank: Backend) -> None:
    async with migrating(blank.settings):
        both = [asyncio.create_task(alembic(blank.settings, "upgrade", "head")) for _ in range(2)]
        await pause(4)  # by then they both wait for the lock
        assert not any(task.done() for task in both)
    first, second = await asyncio.gather(*both)
    assert (first.code, second.code) == (0, 0), (first, second)
    assert ("Running upgrade" in first.output) != ("Running upgrade" in second.output)


async def test_a_migration_waits_for_a_bounded_time(blank: Backend) -> None:
    await migrate(blank.settings)
    async with migrating(blank.settings):
        finished = await alembic(blank.settings, "-x", "lock_timeout=0.5", "upgrade", "head")
        with pytest.raises(MigrationError, match="Another process has been"):
            await asyncio.to_thread(upgrade, blank.settings, lock_timeout_s=0.5)
    assert finished.code != 0
    assert "Another process has been" in finished.output
    assert "Traceback" not in finished.output
    assert await migrate(blank.settings) == []


async def test_migrations_of_other_databases_do_not_wait(
    blank_cluster: Backend, mariadb: MariaDb
) -> None:
    async with mariadb.connect() as connection:
        await connection.scalar(text("SELECT GET_LOCK('chat-migrate:somebody_else', 0)"))
        assert await asyncio.to_thread(upgrade, blank_cluster.settings, lock_timeout_s=0.5)


@pytest.mark.parametrize("direction", ["upgrade", "downgrade"])
async def test_an_interrupted_migration_can_be_run_again(blank: Backend, direction: str) -> None:
    """Each of its statements fails in turn, and the migration is run again each time."""
    expected = await models_as_schema(blank.settings)
    if direction == "downgrade":
        expected = {}
        await migrate(blank.settings)
    before = await schema(blank.settings)
    failed: set[str] = set()
    failures = half_done = 0
    while (error := await _disturbed(blank, direction, failed)) is not None:
        failures += 1
        assert failures < 100
        if blank.name == "embedded":
            assert "Nothing was changed" in error
            assert await schema(blank.settings) == before
        half_done += " TABLE" in error.partition("have been done")[2]
        assert ("Nothing" in error) != ("have been done" in error)
    assert failures > 9, "as many as there are tables, and more"
    assert half_done == 0 if blank.name == "embedded" else half_done > 6
    assert await schema(blank.settings) == expected


async def _disturbed(blank: Backend, direction: str, failed: set[str]) -> str | None:
    """Migrate; the first statement that is not in `failed` fails. Returns the error message, if
    any."""
    with _failing_once(failed):
        if direction == "upgrade":
            try:
                await migrate(blank.settings)
            except MigrationError as error:
                return str(error)
            return None
        return await asyncio.to_thread(_downgrade, blank.settings)


def _downgrade(settings: Settings) -> str | None:
    try:
        command.downgrade(alembic_config(settings), "base")
    except CommandError as error:
        return str(error)
    return None


@contextmanager
def _failing_once(failed: set[str]) -> Iterator[None]:
    def fail(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        words = statement.split()[:1]
        if words[0] in ("CREATE", "DROP", "INSERT", "DELETE") and statement not in failed:
            failed.add(statement)
            raise OperationalError(statement, {}, Exception("the disk is full"))

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", fail)


async def test_a_database_that_cannot_be_reached_is_named_without_its_password() -> None:
    finished = await alembic("mysql://chat:hush@127.0.0.1:1/chat", "upgrade", "head")
    assert finished.code != 0
    assert "127.0.0.1:1/chat" in finished.output
    assert "hush" not in finished.output
    assert "Traceback" not in finished.output


async def test_a_refused_database_login_is_a_readable_error(mariadb: MariaDb) -> None:
    url = mariadb.address.set(password="wrong", database="chat").render_as_string(False)
    finished = await alembic(url, "upgrade", "head")
    assert finished.code != 0
    assert "Access denied" in finished.output
    assert "Traceback" not in finished.output


@pytest.mark.parametrize("address", ["sqlite:////dev/null/chat.db", "sqlite:///{}", "postgres://x"])
async def test_a_wrong_database_url_is_a_readable_error(address: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("This is a letter, and not a database. " * 100)
    finished = await alembic(address.format(tmp_path / "file"), "upgrade", "head")
    assert finished.code != 0
    assert "CHAT_DATABASE__URL" in finished.output
    assert "Traceback" not in finished.output


async def test_the_schema_status_of_each_revision(blank: Backend) -> None:
    async with opened(blank.settings) as engines:
        assert await schema_status(engines.read) is SchemaStatus.TOO_OLD
        for step in STEPS[:-2]:
            await stepping.upgrade(blank.settings, step)
            assert await schema_status(engines.read) is SchemaStatus.TOO_OLD
        await stepping.upgrade(blank.settings, STEPS[-2])
        assert await schema_status(engines.read) is SchemaStatus.BEHIND
        await migrate(blank.settings)
        assert await schema_status(engines.read) is SchemaStatus.CURRENT
        newer = "UPDATE alembic_version SET version_num = 'of a newer program'"
        await execute(blank.settings, newer)
        assert await schema_status(engines.read) is SchemaStatus.AHEAD
        await execute(blank.settings, "DELETE FROM alembic_version")
        assert await schema_status(engines.read) is SchemaStatus.TOO_OLD
