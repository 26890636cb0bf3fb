"""A consumer that records its events, and fails for rooms that a test names."""

from collections.abc import Sequence
from uuid import UUID

from app.consumers.base import StartPosition
from app.persistence.repositories.consumers import LogRange
from app.persistence.uow import UnitOfWork
from app.wire.events import RoomEvent


class Refused(Exception):
    """The consumer fails."""


class Recorder:
    name = "recorder"

    def __init__(
        self, max_events: int = 100, start_position: StartPosition = StartPosition.BEGINNING
    ) -> None:
        self.max_events, self.start_position = max_events, start_position
        self.failing: set[UUID] = set()
        self.handled: list[RoomEvent] = []
        self.calls: list[list[LogRange]] = []

    async def handle(self, uow: UnitOfWork, ranges: Sequence[LogRange]) -> None:
        self.calls.append(list(ranges))
        if self.failing & {span.room for span in ranges}:
            raise Refused
        events = await uow.events.list_ranges(ranges)
        self.handled += sorted(events, key=lambda event: (event.room, event.seq))

    def seqs(self, room: UUID) -> list[int]:
        return [event.seq for event in self.handled if event.room == room]
