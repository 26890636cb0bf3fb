"""Archives: the sample beside this file, and others made row by row."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console as Terminal

from app.importers.console import Console
from app.importers.runner import Options, import_files
from app.persistence.database import Database

SAMPLE = Path(__file__).with_name("sample.tsv")
ROOM = "5f00aa00aa00aa00aa00aaff"
Row = tuple[str, ...]
PIER = f"gitter:{ROOM}"  # the room of `row`
LOUNGE, TEA = "gitter:5f00aa00aa00aa00aa00aa01", "gitter:5f00aa00aa00aa00aa00aa02"  # the sample's


def row(
    number: int,
    text: str = "hello",
    *,
    user: int | None = 1,
    name: str | None = None,
    at: str | None = None,
    room: str = ROOM,
    uri: str = "Pier/Nine",
) -> Row:
    """Message `number`, sent in that second of a day by user `user` (user1, user2, …)."""
    minutes, seconds = divmod(number, 60)
    hours, minutes = divmod(minutes, 60)
    return (
        room,
        uri,
        at or f"2022-05-05T{hours:02}:{minutes:02}:{seconds:02}.000Z",
        "" if user is None else f"5f00bb00bb00bb00bb{user:06x}",
        (name if name is not None else "" if user is None else f"user{user}"),
        f"5f00cc00cc00cc00cc{number:06x}",
        text,
    )


def write(path: Path, rows: Iterable[Row]) -> Path:
    """Write the rows of a file, newest first."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows(rows)
    return path


def many(path: Path, messages: int, users: int) -> Path:
    """A room in which `users` people mention each other in turn."""
    rows = [
        row(number, f"@user{(number + 1) % users} this is {number}", user=number % users)
        for number in range(messages)
    ]
    return write(path, reversed(rows))


async def run(
    database: Database,
    *files: Path,
    dry_run: bool = False,
    owner: str | None = None,
    batch: int = 7,
    is_terminal: bool = False,
) -> tuple[bool, str]:
    """Whether the import succeeded, and its output."""
    said = io.StringIO()
    options = Options(dry_run=dry_run, owner=owner, batch=batch, pause_s=0)
    terminal = Terminal(file=said, width=300, force_terminal=is_terminal)
    right = await import_files(database, files, options, Console(terminal))
    return right, said.getvalue()


def cells(table: str, room: str) -> list[str]:
    """The cells of a row of the table, after the room's name."""
    lines = [line for line in table.splitlines() if line.startswith("│") and room in line]
    assert len(lines) == 1, table
    return [cell.strip() for cell in lines[0].strip("│").split("│")][2:]
