"""`python -m app import gitter`: its output and its exit."""

import signal
from pathlib import Path

import pytest

from app.persistence.database import Database
from testkit.command_line import run_command, start_command
from testkit.servers.backend import Backend
from testkit.waiting import pause
from tests.importers.archives import SAMPLE, many, row, write
from tests.importers.imported_data import read_contents


async def test_the_import_command_imports_a_file(backend: Backend, database: Database) -> None:
    done = await run_command(backend.settings, "import", "gitter", str(SAMPLE))
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    assert "sample.tsv  Harbour/Lounge: 26 new messages\n" in done.stdout
    assert "agree" in done.stdout
    assert "\x1b" not in done.stdout, "no colours, and no bar, where there is no terminal"
    assert len((await read_contents(database)).messages) == 29


async def test_the_import_command_has_a_dry_run(embedded: Backend) -> None:
    done = await run_command(embedded.settings, "import", "gitter", str(SAMPLE), "--dry-run")
    assert done.exit_code == 0
    assert "nothing was written" in done.stdout


async def test_the_import_command_prints_errors_and_exits_with_1(
    embedded: Backend, tmp_path: Path
) -> None:
    late = row(2, at="9999-12-31T23:59:59-01:00")
    rows = [late, row(3, "x" * 131_073), row(4, "BYTE"), row(1, at="[red]once")]
    broken = write(tmp_path / "[bold]broken.tsv", rows)
    broken.write_bytes(broken.read_bytes().replace(b"BYTE", b"\xff"))
    done = await run_command(embedded.settings, "import", "gitter", str(broken), str(SAMPLE))
    assert done.exit_code == 1
    assert f"{broken}:1: sent_at: is, in UTC, outside of the years 1 to 9999\n" in done.stdout
    assert f"{broken}:2: text: has more than 65535 bytes\n" in done.stdout
    assert f"{broken}:3: is not UTF-8: there is a byte 0xff\n" in done.stdout
    assert f"{broken}:4: sent_at: should be a time of RFC 3339" in done.stdout
    assert "Harbour/Lounge: 26 new messages" in done.stdout


async def test_the_import_command_names_an_unknown_owner(embedded: Backend) -> None:
    done = await run_command(
        embedded.settings, "import", "gitter", str(SAMPLE), "--owner", "nobody"
    )
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "error: There is no account 'nobody' that could own the rooms.\n"


@pytest.mark.setting("CHAT_DATABASE__URL")
async def test_the_import_command_without_a_schema_names_the_migration(
    tmp_path: Path, embedded: Backend
) -> None:
    settings = embedded.override(database={"url": f"sqlite:///{tmp_path / 'blank.db'}"})
    done = await run_command(settings, "import", "gitter", str(SAMPLE))
    assert done.exit_code == 1
    assert "python -m app migrate" in done.stderr


async def test_an_interrupted_import_command_says_how_to_continue(
    embedded: Backend, tmp_path: Path
) -> None:
    archive = many(tmp_path / "many.tsv", messages=200_000, users=3)
    async with start_command(
        embedded.settings, "import", "gitter", str(SAMPLE), str(archive)
    ) as process:
        assert process.stdout
        await process.stdout.readline()  # the first room of the sample is done
        await pause(0.1)
        process.send_signal(signal.SIGINT)
        output, errors = await process.communicate()
    assert process.returncode == 130, output
    assert errors.decode() == "Interrupted. To go on, type the same command again.\n"
