"""What goes over one socket: the wishes of the application out, the frames of the server in."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from math import inf
from typing import Any, NoReturn

from app.client.close_policy import Dropped
from app.client.connection import Link
from app.client.errors import Refused
from app.client.event_queue import Feed
from app.client.rooms import Rooms
from app.client.send_queue import Outbox, Request
from app.wire.errors import ErrorCode
from app.wire.events import ReadMarker, RoomEvent
from app.wire.frames import (
    Ack,
    Close,
    Draining,
    ErrorFrame,
    Open,
    Ping,
    Pong,
    RoomBumped,
    RoomClosed,
    RoomList,
    RoomOpened,
    encode,
)

log = logging.getLogger(__name__)


class Exchange:
    """`ids` names the frames; `wake` is set whenever there may be something to send. `move_at` gets
    the loop time from which on the server wants the client to be elsewhere."""

    def __init__(
        self,
        link: Link,
        rooms: Rooms,
        outbox: Outbox,
        feed: Feed,
        ids: Iterator[int],
        wake: asyncio.Event,
    ) -> None:
        self._link, self._rooms, self._outbox, self._feed = link, rooms, outbox, feed
        self._ids, self._wake = ids, wake
        self.move_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def run(self) -> NoReturn:
        """Until the socket is over. Raises Dropped."""
        dropped: Dropped | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._speak())
                tasks.create_task(self._listen())
        except* Dropped as group:
            dropped = _first(group)
        assert dropped, "neither of the two ends otherwise"
        raise dropped

    # Out.

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            await self._send_due(loop.time())
            due = min(self._rooms.next_due(), self._outbox.next_due())
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if due == inf else due):
                    await self._wake.wait()

    async def _send_due(self, now: float) -> None:
        """Rooms are closed before they are opened: some were closed and opened again."""
        unwanted = self._rooms.unwanted()
        if unwanted:
            await self._link.send(Close(rooms=unwanted))
        frame_id = next(self._ids)
        wanted = self._rooms.due(frame_id, now)
        if wanted:
            await self._link.send(Open(id=frame_id, rooms=wanted))
        for request in self._outbox.due(now):
            await self._send(request, now)

    async def _send(self, request: Request, now: float) -> None:
        frame = request.frame.model_copy(update={"id": next(self._ids)})
        most = self._link.welcome.limits.frame_bytes
        if len(encode(frame)) > most:
            # The server would refuse it without saying which one it means.
            detail = f"The message is too long: a frame has at most {most} bytes."
            self._outbox.reject(request, Refused(ErrorCode.TOO_LARGE, detail))
            return
        assert isinstance(frame.id, int)
        self._outbox.sent(request, frame.id, now)
        await self._link.send(frame)

    # In.

    async def _listen(self) -> None:
        while True:
            await self._hear(await self._link.receive())

    async def _hear(self, frame: Any) -> None:
        match frame:
            case RoomEvent():
                self._rooms.hear_event(frame)
            case Ack():
                self._outbox.acked(frame)
                self._wake.set()
            case ErrorFrame():
                self._hear_error(frame)
            case Ping():
                await self._link.send(Pong(n=frame.n))
                self._rooms.hear_heads(frame.heads)
            case Draining():
                if not self.move_at.done():
                    at = asyncio.get_running_loop().time() + frame.in_ms / 1000
                    self.move_at.set_result(at)
            case RoomOpened():
                self._rooms.hear_opened(frame)
            case RoomClosed():
                self._rooms.hear_closed(frame)
            case RoomList() | RoomBumped() | ReadMarker():
                self._feed.hint(frame)
            case _:
                pass  # a second welcome; presence and typing, which this client does not show

    def _hear_error(self, frame: ErrorFrame) -> None:
        refused, now = Refused.by_frame(frame), asyncio.get_running_loop().time()
        if frame.id is None and refused.final:
            log.warning("The server refused a frame: %s", frame.detail)
        if not self._outbox.refused(frame.id, refused, now):
            self._rooms.hear_refused(frame.id, frame.room, refused, now)
        self._wake.set()


def _first(group: BaseExceptionGroup[Dropped]) -> Dropped:
    """What the server said is worth more than what the writing side noticed of it."""
    found = [e for e in group.exceptions if isinstance(e, Dropped)]
    return next((e for e in found if e.code is not None), found[0])
