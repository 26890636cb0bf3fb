"""What the application reads. Bounded: who does not read stops the intake, and fills no memory."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from app.client.errors import ClientError
from app.wire.events import ReadMarker, RoomEvent
from app.wire.frames import RoomBumped, RoomList


@dataclass(frozen=True, slots=True)
class Connected:
    """There is a socket; sends go out, and what was missed is about to come."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The socket was lost. The client tries again until it ends; said once for each loss."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reset:
    """What was kept of the room is void: its events go on behind `seq`, with what was between
    left out (seq 0: nothing is left out, all of the log comes)."""

    room: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class RoomLost:
    """No more of this room comes: the user left, was removed, or may not open it."""

    room: UUID
    reason: str


# Room events come in the order of their room; the rest whenever it is heard. The last three and
# the state of the connection are only hints, and are left out while the application does not read.
Item: TypeAlias = (
    RoomEvent | Reset | RoomLost | Connected | Disconnected | RoomList | RoomBumped | ReadMarker
)


class Feed:
    """One reader. Room events are put in only while there is `space`."""

    def __init__(self, most: int, on_space: Callable[[], None]) -> None:
        self._most = most
        self._on_space = on_space
        self._items: deque[Item] = deque()
        self._news = asyncio.Event()
        self._ended: ClientError | None = None

    @property
    def space(self) -> int:
        return max(0, self._most - len(self._items))

    def put(self, item: Item) -> None:
        self._items.append(item)
        self._news.set()

    def hint(self, item: Item) -> None:
        """Dropped where there is no space."""
        if self.space:
            self.put(item)

    def end(self, error: ClientError) -> None:
        """The reader gets what is in it, then this."""
        self._ended = error
        self._news.set()

    async def get(self) -> Item:
        """The next one; raises the error of `end` when there is none."""
        while not self._items:
            if self._ended:
                raise self._ended
            self._news.clear()
            await self._news.wait()
        item = self._items.popleft()
        if len(self._items) == self._most // 2:
            self._on_space()
        return item
