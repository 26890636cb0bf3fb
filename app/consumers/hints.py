"""Which rooms a consumer looks at next: those that the bus names, and those that failed before."""

import asyncio
import random
from collections.abc import Collection
from contextlib import suppress
from uuid import UUID

from app.core.publications import Publication
from app.wire.events import PublicationKind

MAX_HINTS = 10_000
MAX_FAILING = 1_000
MAX_PAUSE_S = 300.0

NOT_IN_ROOM_LOG = {
    PublicationKind.READ,
    PublicationKind.SESSION_REVOKED,
    PublicationKind.TYPING,
    PublicationKind.PRESENCE,
    PublicationKind.PROFILE,
    PublicationKind.VISIBILITY,
    PublicationKind.USER_EVENT,
}


class Hints:
    """Rooms whose logs have grown, as far as the bus says: prompt, but never complete."""

    def __init__(self) -> None:
        self._rooms: set[UUID] = set()
        self._incomplete = True
        self._news = asyncio.Event()

    def on_publication(self, publication: Publication) -> None:
        if publication.kind not in NOT_IN_ROOM_LOG:
            self.add((publication.channel,))

    def add(self, rooms: Collection[UUID]) -> None:
        if not rooms:
            return
        if len(self._rooms) + len(rooms) <= MAX_HINTS:
            self._rooms.update(rooms)
        else:
            self._incomplete = True
        self._news.set()

    def on_possible_loss(self) -> None:
        self._incomplete = True
        self._news.set()

    def take(self) -> set[UUID] | None:
        """The rooms since the last call; None if there may be others, too."""
        rooms = None if self._incomplete else self._rooms
        self._rooms, self._incomplete = set(), False
        self._news.clear()
        return rooms

    async def wait(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()


class FailingRooms:
    """Rooms on which a consumer has failed, each with a pause that doubles. More than the maximum
    are not remembered: the next comparison of counters finds them."""

    def __init__(self) -> None:
        self._rooms: dict[UUID, tuple[int, float]] = {}  # failures, and when to try again

    def add(self, room: UUID, now: float) -> None:
        if room in self._rooms or len(self._rooms) < MAX_FAILING:
            failures = self._rooms.get(room, (0, 0.0))[0] + 1
            pause_s = min(MAX_PAUSE_S, 2.0 ** min(failures, 10)) * random.uniform(0.5, 1)
            self._rooms[room] = failures, now + pause_s

    def forget(self, rooms: Collection[UUID]) -> None:
        for room in rooms:
            self._rooms.pop(room, None)

    def due(self, now: float) -> set[UUID]:
        return {room for room, (_, retry_at) in self._rooms.items() if retry_at <= now}

    def paused(self, room: UUID, now: float) -> bool:
        return self._rooms.get(room, (0, 0.0))[1] > now

    def next_retry_at(self) -> float:
        return min((retry_at for _, retry_at in self._rooms.values()), default=float("inf"))
