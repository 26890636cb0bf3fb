"""Sends that wait to be committed: rooms take turns, and within a room its senders do."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from app.core.send_request import SendRequest, SendResult


@dataclass(slots=True, eq=False)
class PendingSend:
    """The caller may be cancelled at any time; setting a result after that is a no-op."""

    send: SendRequest
    future: asyncio.Future[SendResult]
    deadline: float  # in the loop's time: until then it may wait for its turn
    done: bool = False  # it was in a batch, and that is over

    def succeed(self, result: SendResult) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # mark it as retrieved: the caller may have gone


RoomQueue = OrderedDict[UUID, deque[PendingSend]]  # the sends of each sender, senders in turn


class FairQueue:
    """One sender's backlog never delays another sender's single message.

    A room whose sends are in a batch is locked until `unlock_rooms`, so that those of one sender in
    one room keep their order.
    """

    def __init__(self) -> None:
        self._runnable_rooms: OrderedDict[UUID, RoomQueue] = OrderedDict()  # no queue is empty
        self._locked_rooms: dict[UUID, RoomQueue] = {}

    def __iter__(self) -> Iterator[PendingSend]:
        for rooms in (self._runnable_rooms, self._locked_rooms):
            for queue in rooms.values():
                for sender_queue in queue.values():
                    yield from sender_queue

    def put(self, pending: PendingSend) -> None:
        room = pending.send.room
        rooms = self._locked_rooms if room in self._locked_rooms else self._runnable_rooms
        queue = rooms.setdefault(room, OrderedDict())
        queue.setdefault(pending.send.actor.user, deque()).append(pending)

    def pop_batch(self, max_sends: int, max_chars: int) -> list[PendingSend]:
        """One send of each room, then another, until the batch is full. The last text may exceed
        `max_chars`."""
        batch: list[PendingSend] = []
        chars = 0
        queues = list(islice(self._runnable_rooms.values(), max_sends))
        while queues and len(batch) < max_sends and chars < max_chars:
            for queue in queues:
                batch.append(_pop_next(queue))
                chars += len(batch[-1].send.content.text)
                if len(batch) >= max_sends or chars >= max_chars:
                    break
            queues = [queue for queue in queues if queue]
        for room in {pending.send.room for pending in batch}:
            self._locked_rooms[room] = self._runnable_rooms.pop(room)
        return batch

    def unlock_rooms(self, rooms: Iterable[UUID]) -> None:
        """The sends of these rooms that were in a batch are done."""
        for room in rooms:
            queue = self._locked_rooms.pop(room, None)
            if queue:
                self._runnable_rooms[room] = queue

    def remove(self, sends: Iterable[PendingSend]) -> None:
        """Forget sends that are still in the queue."""
        for pending in sends:
            room, sender = pending.send.room, pending.send.actor.user
            rooms = self._locked_rooms if room in self._locked_rooms else self._runnable_rooms
            queue = rooms[room]
            queue[sender].remove(pending)
            if not queue[sender]:
                del queue[sender]
            if not queue and rooms is self._runnable_rooms:
                del self._runnable_rooms[room]


def _pop_next(queue: RoomQueue) -> PendingSend:
    sender, sender_queue = queue.popitem(last=False)
    pending = sender_queue.popleft()
    if sender_queue:
        queue[sender] = sender_queue
    return pending
