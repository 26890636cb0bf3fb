"""What a person sees of an import: a bar while it runs, or plain lines, and a table at the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import rich.console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.importers.gitter import BrokenFile, RoomArchive
from app.importers.verify import Comparison
from app.wire.errors import ChatError

PLAIN_WIDTH = 150  # characters, where the width is unknown
NUMBERS = ("Rows", "Repeats", "Messages", "In database", "New")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one room of a file. In a dry run `after` is the database as it is, and `new` what an
    import would add to it."""

    file: Path
    archive: RoomArchive
    after: Comparison
    new: int
    dry_run: bool

    def differences(self) -> list[str]:
        expected = f"{self.new} missing" if self.dry_run else ""
        return [words for words in self.after.differences() if words != expected]

    def numbers(self) -> tuple[int, ...]:
        archive = self.archive
        present = self.after.distinct + (self.new if self.dry_run else 0)
        return (archive.rows, archive.repeats, len(archive.posts), present, self.new)


class Console:
    def __init__(self, console: rich.console.Console) -> None:
        """On a terminal there is a bar; elsewhere every room is a line."""
        self._console = console
        if not console.is_terminal:
            console.width = max(console.width, PLAIN_WIDTH)

    def broken(self, file: Path, error: BrokenFile) -> None:
        for line, what in error.problems:
            self._say(f"{file}:{line}: {what}")
        if error.more:
            self._say(f"{file}: {error.more} more lines are wrong")
        self._say(
            f"{file}: nothing of this file was imported. "
            "Mend these lines, or take the file from its source again."
        )

    def unreadable(self, file: Path, error: OSError) -> None:
        self._say(f"{file}: cannot be read: {error.strerror or error}")

    def stopped(self, file: Path, error: ChatError) -> None:
        self._say(f"{file}: {error.detail} Run the import again: it goes on where it ended.")

    @contextmanager
    def progress(
        self, file: Path, archive: RoomArchive, total: int
    ) -> Iterator[Callable[[int], None]]:
        """Call what you get with the number of messages that have been imported since."""
        what = f"{file.name}  {archive.name}"
        if not self._console.is_terminal:
            yield lambda _: None
            self._say(f"{what}: {total} new messages")
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=self._console) as progress:
            task = progress.add_task(escape(what), total=total)
            yield lambda number: progress.advance(task, number)

    def table(self, outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
        table = Table(
            title="What an import would make; nothing was written" if dry_run else None,
            show_footer=True,
        )
        sums = [
            sum(column) for column in zip(*(outcome.numbers() for outcome in outcomes), strict=True)
        ]
        table.add_column("File", overflow="fold")
        count = "1 room" if len(outcomes) == 1 else f"{len(outcomes)} rooms"
        table.add_column("Room", count, overflow="fold")
        for name, total in zip(NUMBERS, sums or [0] * len(NUMBERS), strict=True):
            table.add_column(name, str(total), justify="right", no_wrap=True)
        table.add_column("File and database", overflow="fold")
        for outcome in outcomes:
            summary = ", ".join(outcome.differences()) or "agree"
            style = None if summary == "agree" else "bold red"
            names = (escape(outcome.file.name), escape(outcome.archive.name))
            table.add_row(*names, *map(str, outcome.numbers()), summary, style=style)
        self._console.print(table)

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
