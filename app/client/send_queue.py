"""What waits for the server's word: sent in order, sent again until there is an answer. No I/O.

Requests stand in lanes, one for each room, of which only the first is out: were the second of a
room on its way, too, and the first refused for being too fast, the two would change places.
Every request has a time at which it is due. An answer removes it, `retry` moves it, a lost
connection makes it due at once, with the same nonce: the server knows a repeat when it sees one.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from math import inf
from uuid import UUID

from app.client.errors import ClientError, OutboxFull, Refused
from app.wire.errors import ErrorCode
from app.wire.frames import Ack, MarkRead, SendMessage

# Seconds without an answer on a living connection, after which a request is sent again.
OVERDUE_S = 30.0
MOST_OUT = 16  # requests on their way at once, over all rooms

Lane = tuple[str, UUID]


@dataclass(slots=True, eq=False)
class Request:
    """`due` is a time of the loop. `frame_id` is set while the request is on its way."""

    frame: SendMessage | MarkRead
    answer: "asyncio.Future[Ack]"
    due: float = 0.0
    frame_id: int | None = None

    @property
    def lane(self) -> Lane:
        return self.frame.type, self.frame.room

    def fulfil(self, ack: Ack) -> None:
        if not self.answer.done():
            self.answer.set_result(ack)

    def fail(self, error: ClientError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # seen: whoever does not await it does not want to know


class Outbox:
    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._lanes: dict[Lane, deque[Request]] = {}
        self._out: dict[int, Request] = {}
        self._held_until = 0.0
        self.size = 0
        self.empty = asyncio.Event()
        self.empty.set()

    def add(self, frame: SendMessage | MarkRead) -> "asyncio.Future[Ack]":
        """The answer's future. Raises OutboxFull.

        Giving the future up does not take the request back. A read marker that still waits gives
        its place, and its future, to the later one.
        """
        request = Request(frame, asyncio.get_running_loop().create_future())
        lane = self._lanes.get(request.lane, deque())
        last = lane[-1] if lane else None
        if isinstance(frame, MarkRead) and last and last.frame_id is None:
            if isinstance(last.frame, MarkRead) and frame.seq > last.frame.seq:
                last.frame = frame
            return last.answer
        if self.size >= self._most:
            raise OutboxFull(f"{self.size} messages wait for the server already.")
        lane.append(request)
        self._lanes[request.lane] = lane
        self.size += 1
        self.empty.clear()
        return request.answer

    @property
    def messages(self) -> int:
        """How many of the requests are messages."""
        return sum(len(lane) for (kind, _), lane in self._lanes.items() if kind == "message.send")

    def due(self, now: float) -> list[Request]:
        """What to send now: the first of each lane, if its time has come."""
        if now < self._held_until:
            return []
        ready = [lane[0] for lane in self._lanes.values() if lane[0].due <= now]
        fresh = [request for request in ready if request.frame_id is None]
        overdue = [request for request in ready if request.frame_id is not None]
        return overdue + fresh[: max(0, MOST_OUT - len(self._out))]

    def next_due(self) -> float:
        """When `due` will have something, unless an answer comes first."""
        heads = [lane[0] for lane in self._lanes.values()]
        if len(self._out) >= MOST_OUT:
            heads = list(self._out.values())
        return max(self._held_until, min((head.due for head in heads), default=inf))

    def sent(self, request: Request, frame_id: int, now: float) -> None:
        self._recall(request)
        request.frame_id, request.due = frame_id, now + OVERDUE_S
        self._out[frame_id] = request

    def acked(self, ack: Ack) -> None:
        """An answer to nothing that is out is a repeat, and no news."""
        request = self._out.get(ack.id) if isinstance(ack.id, int) else None
        if request:
            self._remove(request)
            request.fulfil(ack)

    def refused(self, frame_id: int | str | None, error: Refused, now: float) -> bool:
        """True if the refusal was of one of these requests, and is dealt with.

        A refusal without an id is of one that is out, but nobody knows which.
        """
        request = self._out.get(frame_id) if isinstance(frame_id, int) else None
        if error.final:
            if request:
                self.reject(request, error)
            return request is not None
        if request or frame_id is None:
            for each in [request] if request else list(self._out.values()):
                self._recall(each)
                each.due = now + error.wait_s
        if error.code in (
            ErrorCode.RATE_LIMITED,
            ErrorCode.BUSY,
        ):  # the next one would hear the same
            self._held_until = max(self._held_until, now + error.wait_s)
        return request is not None

    def disconnected(self) -> None:
        """What was out may have arrived or not: it will be sent again."""
        for request in list(self._out.values()):
            self._recall(request)
            request.due = 0.0

    def reject(self, request: Request, error: ClientError) -> None:
        self._remove(request)
        request.fail(error)

    def abandon(self, error: ClientError) -> None:
        """Nobody will answer any more."""
        for request in [request for lane in self._lanes.values() for request in lane]:
            self.reject(request, error)

    def _recall(self, request: Request) -> None:
        if request.frame_id is not None:
            self._out.pop(request.frame_id, None)
            request.frame_id = None

    def _remove(self, request: Request) -> None:
        self._recall(request)
        lane = self._lanes[request.lane]
        lane.remove(request)
        self.size -= 1
        if not self.size:
            self.empty.set()
        if not lane:
            del self._lanes[request.lane]
