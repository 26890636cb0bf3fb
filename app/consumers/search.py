"""Makes messages findable: a consumer of the logs.

An edit or a deletion changes what a message is found by in its own transaction. This reads new
messages, and what a process of the release before has changed.
"""

from collections.abc import Sequence

from app.consumers.base import StartPosition
from app.persistence.repositories.consumers import LogRange
from app.persistence.uow import UnitOfWork


class SearchIndexing:
    """Reads each message as it is now, so that a message may come again."""

    name = "search"
    start_position = StartPosition.BEGINNING
    max_events = 1000

    async def handle(self, uow: UnitOfWork, ranges: Sequence[LogRange]) -> None:
        await uow.search.index(await uow.indexed_messages.changed_in(ranges))
