"""One open room: puts its events into the queue in order and reads gaps from the log."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from math import inf
from typing import Any, TypeAlias
from uuid import UUID

from app.client.backoff import Backoff
from app.client.errors import ClientError, RequestRejected, Unreachable
from app.client.event_queue import EventQueue, Reset
from app.client.room_cursor import RoomCursor
from app.wire.client_frames import RoomPosition
from app.wire.events import RoomEvent
from app.wire.frames import RoomOpened
from app.wire.schemas.messages import EventPage

Spawn: TypeAlias = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


@dataclass(frozen=True, slots=True)
class RoomServices:
    """What subscriptions share. `read(room, after, until)` reads a page of the log; `spawn` runs a
    task until the client stops; `wake` reports a due request, `lost` a room that was closed."""

    queue: EventQueue
    from_start: bool
    read: Callable[[UUID, int, int], Awaitable[EventPage]]
    spawn: Spawn
    wake: Callable[[], None]
    lost: Callable[["RoomSubscription", str, ClientError], None]


class RoomSubscription:
    """`next_attempt_at` is the loop time of the next `open` frame; inf while the room is open.
    `request_id` is the id of the last one. `opened` resolves to the first answer. `closed` is the
    reason why the server sends no more events."""

    def __init__(
        self, room_id: UUID, since: int | None, epoch: str | None, services: RoomServices
    ) -> None:
        self.id = room_id
        self.cursor = RoomCursor(since, epoch)
        self.next_attempt_at = 0.0
        self.request_id: int | None = None
        self.opened: asyncio.Future[RoomOpened] = asyncio.get_running_loop().create_future()
        self.closed: str | None = None
        self.services = services
        self._repair: asyncio.Task[None] | None = None
        self._delivered = asyncio.Event()
        self._delivered.set()
        self._missing_event_backoff = Backoff()

    def position_frame(self) -> RoomPosition:
        return RoomPosition(room=self.id, since=self.cursor.seq, epoch=self.cursor.epoch)

    def on_opened(self, frame: RoomOpened, epoch: str) -> None:
        self.next_attempt_at = inf
        if self.cursor.opened(frame, epoch, from_start=self.services.from_start):
            self.services.queue.put(Reset(self.id, self.cursor.seq or 0))
        if not self.opened.done():
            self.opened.set_result(frame)
        self.advance()

    def on_event(self, event: RoomEvent) -> None:
        self.cursor.add([event])
        self.advance()

    def on_closed(self, reason: str) -> None:
        self.closed, self.next_attempt_at = reason, inf
        self.advance()

    def reopen_at(self, at: float = 0.0) -> None:
        self.next_attempt_at = at
        self.services.wake()

    def stop(self, error: ClientError) -> None:
        """Fail a caller that waits for `opened`."""
        if self._repair:
            self._repair.cancel()
        if not self.opened.done():
            self.opened.set_exception(error)
            self.opened.exception()  # seen

    def advance(self) -> None:
        """Queue the next events while there are free slots; then read a gap, if there is one."""
        queue, cursor = self.services.queue, self.cursor
        for event in cursor.pop_ready(queue.free_slots):
            queue.put(event)
        if cursor.ready:
            return  # the queue is full; it calls `advance` again
        self._delivered.set()
        if cursor.gap():
            if self._repair is None:
                self._repair = self.services.spawn(self._fill_gap())
        elif self.closed:
            self.services.lost(
                self, self.closed, RequestRejected("not_found", f"Room: {self.closed}.")
            )

    async def _fill_gap(self) -> None:
        """Read the log until there is no gap; live events wait meanwhile."""
        try:
            while gap := self.cursor.gap():
                if not await self._read(*gap):
                    # The server announced events that its log lacks, or its log is of another
                    # epoch: ask for the head again.
                    pause_s = self._missing_event_backoff.next_s()
                    self.reopen_at(asyncio.get_running_loop().time() + pause_s)
                    return
                await self._delivered.wait()
        except RequestRejected as rejection:
            self.services.lost(self, self.closed or rejection.detail, rejection)
        finally:
            self._repair = None

    async def _read(self, after: int, until: int) -> bool:
        """Deliver one page of the log. False if the next event is not in it."""
        generation = self.cursor.generation
        page = await self._page(after, until)
        if self.cursor.generation != generation:
            return True
        if self.cursor.epoch != page.epoch:
            return False
        self.cursor.add(page.items)
        if not self.cursor.ready:
            return False
        self._missing_event_backoff = Backoff()
        self._delivered.clear()
        self.advance()
        return True

    async def _page(self, after: int, until: int) -> EventPage:
        """Retries without limit. Raises RequestRejected if the user may not read the room."""
        backoff = Backoff(max_s=10.0)
        while True:
            try:
                return await self.services.read(self.id, after, until)
            except Unreachable:
                await asyncio.sleep(backoff.next_s())
            except RequestRejected as rejection:
                if rejection.is_final:
                    raise
                await asyncio.sleep(max(rejection.wait_s, backoff.next_s()))
