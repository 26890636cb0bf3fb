"""Messages per room and day: a consumer of the logs."""

from collections.abc import Sequence

from app.consumers.base import StartPosition
from app.persistence.repositories.consumers import LogRange
from app.persistence.uow import UnitOfWork


class MessageStatistics:
    """Counts in the database, so no event comes here."""

    name = "message_statistics"
    start_position = StartPosition.BEGINNING
    max_events = 10_000

    async def handle(self, uow: UnitOfWork, ranges: Sequence[LogRange]) -> None:
        await uow.statistics.add(await uow.statistics.count_messages(ranges))
