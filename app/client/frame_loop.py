"""Sends and receives the frames of one connection."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from math import inf
from typing import NoReturn, assert_never

from app.client.close_policy import ConnectionLost
from app.client.connection import Connection
from app.client.errors import RequestRejected
from app.client.event_queue import EventQueue
from app.client.rooms import Rooms
from app.client.send_queue import Request, SendQueue
from app.wire.client_frames import Close, Open, Pong
from app.wire.errors import ErrorCode
from app.wire.events import ReadMarker, RoomEvent
from app.wire.frames import (
    Ack,
    Draining,
    ErrorFrame,
    History,
    ItemChanged,
    Ping,
    Presence,
    RoomClosed,
    RoomList,
    RoomOpened,
    ServerFrame,
    TypingUsers,
    UserChanged,
    Welcome,
    encode,
)

log = logging.getLogger(__name__)


class FrameLoop:
    """`ids` numbers the frames; `wake` is set when there may be something to send. `migrate_at`
    resolves to the loop time at which a draining server wants the client to reconnect."""

    def __init__(
        self,
        connection: Connection,
        rooms: Rooms,
        send_queue: SendQueue,
        queue: EventQueue,
        ids: Iterator[int],
        wake: asyncio.Event,
    ) -> None:
        self._connection, self._rooms, self._send_queue, self._queue = (
            connection,
            rooms,
            send_queue,
            queue,
        )
        self._ids, self._wake = ids, wake
        self.migrate_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def run(self) -> NoReturn:
        """Raises ConnectionLost."""
        lost: ConnectionLost | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send_loop())
                tasks.create_task(self._receive_loop())
        except* ConnectionLost as group:
            lost = _first(group)
        assert lost, "neither loop returns"
        raise lost

    async def _send_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            await self._send_due(loop.time())
            due = min(self._rooms.next_due(), self._send_queue.next_due())
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if due == inf else due):
                    await self._wake.wait()

    async def _send_due(self, now: float) -> None:
        """`close` goes before `open`, because a room may have been closed and opened again."""
        to_close = self._rooms.rooms_to_close()
        if to_close:
            await self._connection.send(Close(rooms=to_close))
        frame_id = next(self._ids)
        positions = self._rooms.due_positions(frame_id, now)
        if positions:
            await self._connection.send(Open(id=frame_id, rooms=positions))
        for request in self._send_queue.due(now):
            await self._send(request, now)

    async def _send(self, request: Request, now: float) -> None:
        frame = request.frame.model_copy(update={"id": next(self._ids)})
        max_bytes = self._connection.welcome.limits.frame_bytes
        if len(encode(frame)) > max_bytes:
            # The server would reject it without its id.
            detail = f"The message is too long: a frame has at most {max_bytes} bytes."
            self._send_queue.reject(request, RequestRejected(ErrorCode.TOO_LARGE, detail))
            return
        assert isinstance(frame.id, int)
        self._send_queue.mark_sent(request, frame.id, now)
        await self._connection.send(frame)

    async def _receive_loop(self) -> None:
        while True:
            await self._handle(await self._connection.receive())

    async def _handle(self, frame: ServerFrame | RoomEvent) -> None:
        match frame:
            case RoomEvent():
                self._rooms.on_event(frame)
            case Ack():
                self._send_queue.on_ack(frame)
                self._wake.set()
            case ErrorFrame():
                self._handle_error(frame)
            case Ping():
                await self._connection.send(Pong(n=frame.n))
                self._rooms.on_heads(frame.heads)
            case Draining():
                if not self.migrate_at.done():
                    at = asyncio.get_running_loop().time() + frame.in_ms / 1000
                    self.migrate_at.set_result(at)
            case RoomOpened():
                self._rooms.on_opened(frame, self._connection.welcome.epoch)
            case RoomClosed():
                self._rooms.on_closed(frame)
            case RoomList() | ReadMarker() | ItemChanged():
                self._queue.put_if_space(frame)
            case Welcome() | Presence() | TypingUsers() | UserChanged() | History():
                pass  # not used by this client
            case _:
                assert_never(frame)

    def _handle_error(self, frame: ErrorFrame) -> None:
        rejection, now = RequestRejected.from_frame(frame), asyncio.get_running_loop().time()
        if frame.id is None and rejection.is_final:
            log.warning("The server rejected a frame: %s", frame.detail)
        if not self._send_queue.on_rejected(frame.id, rejection, now):
            self._rooms.on_rejected(frame.id, frame.room, rejection, now)
        self._wake.set()


def _first(group: BaseExceptionGroup[ConnectionLost]) -> ConnectionLost:
    """Prefer the loss that has the server's close code to what the sending side noticed of it."""
    losses = [e for e in group.exceptions if isinstance(e, ConnectionLost)]
    return next((e for e in losses if e.code is not None), losses[0])
