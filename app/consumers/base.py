"""What a consumer is: a reader of all rooms' logs, with a durable position in each."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol

from app.persistence.repositories.consumers import LogRange
from app.persistence.uow import UnitOfWork


class StartPosition(Enum):
    """Where a new consumer begins in the logs of the rooms that exist when it first runs. It reads
    the logs of later rooms from their beginning in any case."""

    BEGINNING = auto()  # for what is derived from all events, such as statistics
    HEAD = auto()  # for what is done about new events only, such as notifications


class Consumer(Protocol):
    """Add one to `registry.py`; the runner does the rest.

    No two processes run a consumer at the same time.
    """

    @property
    def name(self) -> str:
        """The key of its positions, in lower case with underscores: renaming it starts it anew."""

    @property
    def start_position(self) -> StartPosition:
        """Read when the consumer first runs; a later change has no effect."""

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
