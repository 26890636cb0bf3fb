"""What a consumer is: a reader of all rooms' logs, with a durable position in each."""

from collections.abc import Sequence
from typing import Protocol

from app.persistence.repositories.consumers import LogRange
from app.persistence.uow import UnitOfWork


class Consumer(Protocol):
    """Add one to `registry.py`; the runner does the rest.

    It starts at the beginning of every log. No two processes run it at the same time.
    """

    @property
    def name(self) -> str:
        """The key of its positions, in lower case with underscores: renaming it starts it anew."""

    @property
    def max_events(self) -> int:
        """How many events one call of `handle` gets at most, over all ranges."""

    async def handle(self, uow: UnitOfWork, ranges: Sequence[LogRange]) -> None:
        """Handle these parts of logs, each of another room: what `uow.events.list_ranges` reads of
        them, or less. They are committed, dense, and follow what was handled before. Events of a
        type that only a newer release knows are among them, as `RoomEvent`.

        Effects through `uow` are exactly once: the unit of work also advances the positions.
        Other effects are at least once: it may fail after them, or the process may end, and the
        same ranges, or longer ones, come again.

        The lease is locked meanwhile, and on SQLite the database: never wait for the network
        here. Record what is to be done, and do it elsewhere.

        Raising rolls everything back. Several ranges then come again one by one, and one that
        fails alone comes again later, with a growing pause; other rooms go on.
        """
