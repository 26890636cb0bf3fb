"""Backups of a database, made and restored as operators do it."""

import asyncio
import os
import subprocess
from pathlib import Path

from sqlalchemy import make_url

from app.persistence.sqlite import driver
from app.settings import Settings
from testkit.servers.process import require


async def back_up(settings: Settings, file: Path) -> None:
    if settings.database.is_sqlite:
        await asyncio.to_thread(_copy, _sqlite_file(settings), file)
    else:
        with file.open("wb") as dump:
            await _run(settings, "mariadb-dump", "--single-transaction", stdout=dump)


async def restore(settings: Settings, file: Path) -> None:
    if settings.database.is_sqlite:
        await asyncio.to_thread(_copy, file, _sqlite_file(settings))
    else:
        with file.open("rb") as dump:
            await _run(settings, "mariadb", stdin=dump)


def _copy(source: Path, target: Path) -> None:
    """With SQLite's own backup: a file that a server has open cannot be replaced under it."""
    connections = [driver.connect(source), driver.connect(target)]
    connections[0].backup(connections[1])
    for connection in connections:
        connection.close()


def _sqlite_file(settings: Settings) -> Path:
    return Path(make_url(settings.database.url).database or "")


async def _run(settings: Settings, program: str, *options: str, **streams: object) -> None:
    url = make_url(settings.database.url)
    command = [
        *(require(program), f"--host={url.host}", f"--port={url.port}", f"--user={url.username}"),
        *options,
        str(url.database),
    ]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | {"MYSQL_PWD": str(url.password)},
        stderr=subprocess.PIPE,
        **streams,  # type: ignore[arg-type]
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
