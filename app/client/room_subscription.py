"""One open room: from the frames of the server to what the application reads, hole by hole."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from math import inf
from typing import Any, TypeAlias
from uuid import UUID

from app.client.backoff import Backoff
from app.client.errors import ClientError, Refused, Unreachable
from app.client.event_queue import Feed, Reset
from app.client.room_cursor import Position
from app.wire import frames
from app.wire.events import RoomEvent
from app.wire.frames import RoomOpened
from app.wire.schemas.messages import EventPage

Spawn: TypeAlias = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What rooms share. `read` pages the log (room, after, until), `spawn` runs a task until the
    client ends, `wake` says that something became due, `lost` that a room has come to its end."""

    feed: Feed
    from_start: bool
    read: Callable[[UUID, int, int], Awaitable[EventPage]]
    spawn: Spawn
    wake: Callable[[], None]
    lost: Callable[["Room", str, ClientError], None]


class Room:
    """`due` is the loop time at which to ask for the room: at once, after the pause that a refusal
    wanted, when the answer is overdue; inf while it is open. `asked` is the frame that asked.
    `opened` has the first answer. `closed` says why no event comes after those at hand."""

    def __init__(self, room_id: UUID, since: int | None, around: Surroundings) -> None:
        self.id = room_id
        self.position = Position(since)
        self.due = 0.0
        self.asked: int | None = None
        self.opened: asyncio.Future[RoomOpened] = asyncio.get_running_loop().create_future()
        self.closed: str | None = None
        self.around = around
        self._repair: asyncio.Task[None] | None = None
        self._passed_on = asyncio.Event()
        self._passed_on.set()
        self._mistrust = Backoff()

    def wanted(self) -> frames.RoomPosition:
        return frames.RoomPosition(room=self.id, since=self.position.at)

    def hear_opened(self, frame: RoomOpened) -> None:
        self.due = inf
        if self.position.opened(frame, from_start=self.around.from_start):
            self.around.feed.put(Reset(self.id, self.position.at or 0))
        if not self.opened.done():
            self.opened.set_result(frame)
        self.advance()

    def hear_event(self, event: RoomEvent) -> None:
        self.position.offer([event])
        self.advance()

    def hear_closed(self, reason: str) -> None:
        self.closed, self.due = reason, inf
        self.advance()

    def ask_again(self, at: float = 0.0) -> None:
        self.due = at
        self.around.wake()

    def end(self, error: ClientError) -> None:
        """Whoever waits for the opening gets the error."""
        if self._repair:
            self._repair.cancel()
        if not self.opened.done():
            self.opened.set_exception(error)
            self.opened.exception()  # seen

    def advance(self) -> None:
        """Pass on what is next, as far as the application reads; then see what is missing."""
        feed, position = self.around.feed, self.position
        for event in position.take(feed.space):
            feed.put(event)
        if position.ready:
            return  # there is no space; whoever makes some calls this again
        self._passed_on.set()
        if position.gap():
            if self._repair is None:
                self._repair = self.around.spawn(self._fill())
        elif self.closed:
            self.around.lost(self, self.closed, Refused("not_found", f"Room: {self.closed}."))

    async def _fill(self) -> None:
        """Read the log until there is no hole; live events wait meanwhile."""
        try:
            while hole := self.position.gap():
                if not await self._read(*hole):
                    # The server told of events that its log has not: let it say where the head is.
                    pause_s = self._mistrust.next_s()
                    self.ask_again(asyncio.get_running_loop().time() + pause_s)
                    return
                await self._passed_on.wait()
        except Refused as refused:
            self.around.lost(self, self.closed or refused.detail, refused)
        finally:
            self._repair = None

    async def _read(self, after: int, until: int) -> bool:
        """Pass on one page of the log. False if the next event is not in it."""
        era = self.position.era
        page = await self._page(after, until)
        if self.position.era != era:
            return True
        self.position.offer(page.items)
        if not self.position.ready:
            return False
        self._mistrust = Backoff()
        self._passed_on.clear()
        self.advance()
        return True

    async def _page(self, after: int, until: int) -> EventPage:
        """However long it takes. Raises Refused if the user may not read the room (any more)."""
        backoff = Backoff(most_s=10.0)
        while True:
            try:
                return await self.around.read(self.id, after, until)
            except Unreachable:
                await asyncio.sleep(backoff.next_s())
            except Refused as refused:
                if refused.final:
                    raise
                await asyncio.sleep(max(refused.wait_s, backoff.next_s()))
