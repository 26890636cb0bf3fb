"""An import: file by file, room by room, batch by batch, each batch one unit of work."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from app.importers.accounts import get_or_create_accounts
from app.importers.console import Console, Outcome
from app.importers.gitter import BrokenFile, RoomArchive, read_archive
from app.importers.service import (
    MAX_BATCH,
    ImportCursor,
    add_posts,
    author_accounts,
    batches,
    find_owner,
    find_room,
    get_or_create_room,
    join_authors,
    make_owner,
)
from app.importers.verify import Comparison, compare
from app.persistence.database import Database
from app.wire.errors import ChatError

# Who waits for SQLite's one writer asks again after 0.1 s at most. Without a pause as long as that,
# the messages of a running server would wait until an import is over.
PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Options:
    dry_run: bool = False
    owner: str | None = None  # a username
    batch: int = MAX_BATCH  # messages, accounts or members in one unit of work
    pause_s: float = PAUSE_S  # between two batches of messages


async def import_files(
    database: Database, files: Sequence[Path], options: Options, console: Console
) -> bool:
    """Import each file, or nothing of it; True if all are in the database now as they should be.

    Raises NotFound if there is no such owner. What goes wrong with one file is said on the console,
    and the others go on. Run again after any interruption, it ends like a run without one.
    """
    owner = await database.read(find_owner, options.owner) if options.owner else None
    outcomes: list[Outcome] = []
    complete = True
    for file in files:
        try:
            for archive in await asyncio.to_thread(read_archive, file):
                work = _Import(database, file, archive, options, console)
                outcomes.append(await work.run(owner))
        except BrokenFile as error:
            console.broken(file, error)
            complete = False
        except OSError as error:
            console.unreadable(file, error)
            complete = False
        except ChatError as error:
            console.stopped(file, error)
            complete = False
    console.table(outcomes, dry_run=options.dry_run)
    return complete and not any(outcome.differences() for outcome in outcomes)


@dataclass(frozen=True, slots=True)
class _Import:
    """Of one room of one file."""

    database: Database
    file: Path
    archive: RoomArchive
    options: Options
    console: Console

    async def run(self, owner: UUID | None) -> Outcome:
        before = await compare(self.database, self.archive)
        new = len(before.missing)
        if self.options.dry_run:
            return Outcome(self.file, self.archive, before, new, dry_run=True)
        with self.console.progress(self.file, self.archive, new) as advance:
            if new:
                await self._import_new(before, advance)
        if owner:
            await self._assign_owner(owner)
        after = await compare(self.database, self.archive) if new else before
        return Outcome(self.file, self.archive, after, new - len(after.missing), dry_run=False)

    async def _import_new(self, before: Comparison, advance: Callable[[int], None]) -> None:
        archive, size = self.archive, self.options.batch
        accounts: dict[str, UUID] = {}
        for authors in batches(archive.authors, size):
            accounts |= await self.database.transact_idempotent(get_or_create_accounts, authors)
        room = await self.database.transact_idempotent(
            get_or_create_room, archive, accounts[archive.authors[0].origin]
        )
        for authors in batches(archive.authors, size):
            await self.database.transact_idempotent(join_authors, room, authors, accounts)
        senders, cursor = author_accounts(archive.authors, accounts), ImportCursor(before.seen)
        for posts in batches(before.missing, size):
            cursor = await self.database.transact_idempotent(
                add_posts, room, posts, senders, cursor
            )
            advance(len(posts))
            await asyncio.sleep(self.options.pause_s)

    async def _assign_owner(self, owner: UUID) -> None:
        room = await self.database.read(find_room, self.archive.origin)
        if room:
            await self.database.transact_idempotent(make_owner, room, owner)
