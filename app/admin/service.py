"""Use cases of administrators of the server."""

from datetime import date
from uuid import UUID

from app.core.actor import Actor
from app.persistence.repositories.statistics import DayCount
from app.persistence.uow import ReadSession
from app.wire.errors import Forbidden


async def message_counts(
    reads: ReadSession,
    actor: Actor,
    first: date | None,
    last: date | None,
    after: tuple[date, UUID] | None,
    limit: int,
) -> list[DayCount]:
    """Raises Forbidden."""
    if not actor.is_admin:
        raise Forbidden("Only administrators of the server may read statistics.")
    return await reads.statistics.page(first or date.min, last or date.max, after, limit)
