"""`python -m app migrate`: what it prints."""

from pathlib import Path

import pytest
from sqlalchemy import text

from testkit.command_line import run_command, start_command
from testkit.servers.backend import Backend
from tests.persistence.schema import opened
from tests.persistence.test_migrations import STEPS


async def test_the_migrate_command_prints_its_steps(blank: Backend) -> None:
    """And nothing else: MariaDB used to warn about the name of each primary key."""
    for expected in ([f"applied {step}" for step in STEPS], ["the schema is up to date"]):
        async with start_command(blank.settings, "migrate") as process:
            said, warned = await process.communicate()
        assert (process.returncode, warned.decode()) == (0, "")
        assert said.decode().splitlines() == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://chat:hush@127.0.0.1:1/chat", "Can't connect to MySQL server on '127.0.0.1'"),
        ("mysql://chat:hush@no.invalid/chat", "Can't connect to MySQL server on 'no.invalid'"),
        ("sqlite:///{}", "file is not a database"),
    ],
)
async def test_the_migrate_command_reports_a_refusal_in_one_line(
    url: str, reason: str, embedded: Backend, tmp_path: Path
) -> None:
    letter = tmp_path / "letter"
    letter.write_text("This is a letter, and not a database. " * 100)
    settings = embedded.override(database={"url": url.format(letter)})
    for words in (["migrate"], ["ban", "ada"], ["after-restore"]):
        done = await run_command(settings, *words)
        assert done.exit_code == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: CHAT_DATABASE__URL: the database ")
        assert reason in line
        assert "hush" not in line


async def test_notes_of_the_database_are_off(cluster: Backend) -> None:
    """Each would cost the driver a query, and a line in the log."""
    async with opened(cluster.settings) as engines, engines.write.connect() as connection:
        assert await connection.scalar(text("SELECT @@SESSION.sql_notes")) == 0
