"""The bounded queue of events for the application."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from app.client.errors import ClientError
from app.wire.events import ReadMarker, RoomEvent
from app.wire.frames import ItemChanged, RoomList


@dataclass(frozen=True, slots=True)
class Connected:
    """There is a connection: requests are sent, and missed events follow."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection was lost. Put once per loss; the client reconnects by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reset:
    """State that was derived from the room's events is void: they continue after `seq`, and those
    in between are left out (seq 0: the whole log follows)."""

    room: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class RoomLost:
    """No more events of this room: the user left, was removed, or may not open it."""

    room: UUID
    reason: str


# Room events keep the order of their room. The last four and the state of the connection are
# hints, and are dropped while the queue is full. After `Connected` the lists of items over HTTP
# have what changed meanwhile.
ClientEvent: TypeAlias = (
    RoomEvent | Reset | RoomLost | Connected | Disconnected | RoomList | ReadMarker | ItemChanged
)


class EventQueue:
    """For one reader. Subscriptions put room events only while there are `free_slots`, so that a
    reader that lags stops the intake instead of filling the memory."""

    def __init__(self, max_events: int, on_free_slots: Callable[[], None]) -> None:
        self._max_events = max_events
        self._on_free_slots = on_free_slots
        self._items: deque[ClientEvent] = deque()
        self._news = asyncio.Event()
        self._ended: ClientError | None = None

    @property
    def free_slots(self) -> int:
        return max(0, self._max_events - len(self._items))

    def put(self, item: ClientEvent) -> None:
        self._items.append(item)
        self._news.set()

    def put_if_space(self, item: ClientEvent) -> None:
        """Drop the event if the queue is full."""
        if self.free_slots:
            self.put(item)

    def stop(self, error: ClientError) -> None:
        """The reader gets what is queued, then this error."""
        self._ended = error
        self._news.set()

    async def get(self) -> ClientEvent:
        """The next event; raises the error of `stop` once there is none."""
        while not self._items:
            if self._ended:
                raise self._ended
            self._news.clear()
            await self._news.wait()
        item = self._items.popleft()
        if len(self._items) == self._max_events // 2:
            self._on_free_slots()
        return item
