"""Requests that wait for an answer: sent in order and repeated until there is one. No I/O.

Each room has a queue of which only the first request is in flight: if the second were, too, and
the first were rejected by a rate limit, the two would change places. Every request has a time at
which it is due. An answer removes it, `retry` moves it, and a lost connection makes it due at once
with the same nonce, by which the server recognizes a repeat.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from math import inf
from uuid import UUID

from app.client.errors import ClientError, RequestRejected, SendQueueFull
from app.wire.client_frames import MarkRead, SendMessage
from app.wire.errors import ErrorCode
from app.wire.frames import Ack

# A request without an answer is repeated after this time on the same connection.
OVERDUE_S = 30.0
MAX_IN_FLIGHT = 16  # over all rooms

RoomKey = tuple[str, UUID]


@dataclass(slots=True, eq=False)
class Request:
    """`due` is a loop time. `frame_id` is set while the request is in flight."""

    frame: SendMessage | MarkRead
    answer: "asyncio.Future[Ack]"
    due: float = 0.0
    frame_id: int | None = None

    @property
    def key(self) -> RoomKey:
        return self.frame.type, self.frame.room

    def resolve(self, ack: Ack) -> None:
        if not self.answer.done():
            self.answer.set_result(ack)

    def fail(self, error: ClientError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # retrieved: the caller need not await it


class SendQueue:
    def __init__(self, max_size: int = 1000) -> None:
        self._max_size = max_size
        self._queues: dict[RoomKey, deque[Request]] = {}
        self._in_flight: dict[int, Request] = {}
        self._paused_until = 0.0
        self.size = 0
        self.empty = asyncio.Event()
        self.empty.set()

    def add(self, frame: SendMessage | MarkRead) -> "asyncio.Future[Ack]":
        """The future of the answer; cancelling it does not withdraw the request. A read marker
        that is not in flight yet is replaced by a later one. Raises SendQueueFull."""
        request = Request(frame, asyncio.get_running_loop().create_future())
        key = self._queues.get(request.key, deque())
        last = key[-1] if key else None
        if isinstance(frame, MarkRead) and last and last.frame_id is None:
            if isinstance(last.frame, MarkRead) and frame.seq > last.frame.seq:
                last.frame = frame
            return last.answer
        if self.size >= self._max_size:
            raise SendQueueFull(f"{self.size} messages wait for the server already.")
        key.append(request)
        self._queues[request.key] = key
        self.size += 1
        self.empty.clear()
        return request.answer

    @property
    def messages(self) -> int:
        """The number of queued messages."""
        return sum(len(key) for (kind, _), key in self._queues.items() if kind == "message.send")

    def due(self, now: float) -> list[Request]:
        """What to send now: the first request of each queue whose time has come."""
        if now < self._paused_until:
            return []
        ready = [key[0] for key in self._queues.values() if key[0].due <= now]
        fresh = [request for request in ready if request.frame_id is None]
        overdue = [request for request in ready if request.frame_id is not None]
        return overdue + fresh[: max(0, MAX_IN_FLIGHT - len(self._in_flight))]

    def next_due(self) -> float:
        """When `due` returns something next, unless an answer comes first."""
        heads = [key[0] for key in self._queues.values()]
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            heads = list(self._in_flight.values())
        return max(self._paused_until, min((head.due for head in heads), default=inf))

    def mark_sent(self, request: Request, frame_id: int, now: float) -> None:
        self._mark_not_in_flight(request)
        request.frame_id, request.due = frame_id, now + OVERDUE_S
        self._in_flight[frame_id] = request

    def on_ack(self, ack: Ack) -> None:
        """An ack of a request that is not in flight is a repeat and is ignored."""
        request = self._in_flight.get(ack.id) if isinstance(ack.id, int) else None
        if request:
            self._remove(request)
            request.resolve(ack)

    def on_rejected(self, frame_id: int | str | None, error: RequestRejected, now: float) -> bool:
        """Whether the rejection was about one of these requests. One without an id may be about
        any request in flight: all of them are repeated."""
        request = self._in_flight.get(frame_id) if isinstance(frame_id, int) else None
        if error.is_final:
            if request:
                self.reject(request, error)
            return request is not None
        if request or frame_id is None:
            for each in [request] if request else list(self._in_flight.values()):
                self._mark_not_in_flight(each)
                each.due = now + error.wait_s
        if error.code in (ErrorCode.RATE_LIMITED, ErrorCode.BUSY):  # true of other rooms as well
            self._paused_until = max(self._paused_until, now + error.wait_s)
        return request is not None

    def on_disconnected(self) -> None:
        """Requests in flight may have arrived or not: repeat them."""
        for request in list(self._in_flight.values()):
            self._mark_not_in_flight(request)
            request.due = 0.0

    def reject(self, request: Request, error: ClientError) -> None:
        self._remove(request)
        request.fail(error)

    def fail_all(self, error: ClientError) -> None:
        """Fail every request: no answers will come."""
        for request in [request for key in self._queues.values() for request in key]:
            self.reject(request, error)

    def _mark_not_in_flight(self, request: Request) -> None:
        if request.frame_id is not None:
            self._in_flight.pop(request.frame_id, None)
            request.frame_id = None

    def _remove(self, request: Request) -> None:
        self._mark_not_in_flight(request)
        key = self._queues[request.key]
        key.remove(request)
        self.size -= 1
        if not self.size:
            self.empty.set()
        if not key:
            del self._queues[request.key]
