"""Commands that wait to be committed: rooms take turns, and within a room its users do."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from app.core.message_commands import CommandResult, MessageCommand


@dataclass(slots=True, eq=False)
class PendingCommand:
    """The caller may be cancelled at any time; setting a result after that is a no-op."""

    command: MessageCommand
    future: asyncio.Future[CommandResult]
    deadline: float  # in the loop's time: until then it may wait for its turn
    done: bool = False  # it was in a batch, and that is over

    def succeed(self, result: CommandResult) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # mark it as retrieved: the caller may have gone


RoomQueue = OrderedDict[UUID, deque[PendingCommand]]  # the commands of each user, users in turn


class FairQueue:
    """One user's backlog never delays another user's single message.

    A room whose commands are in a batch is locked until `unlock_rooms`, so that those of one user
    in one room keep their order.
    """

    def __init__(self) -> None:
        self._runnable_rooms: OrderedDict[UUID, RoomQueue] = OrderedDict()  # no queue is empty
        self._locked_rooms: dict[UUID, RoomQueue] = {}

    def __iter__(self) -> Iterator[PendingCommand]:
        for rooms in (self._runnable_rooms, self._locked_rooms):
            for queue in rooms.values():
                for user_queue in queue.values():
                    yield from user_queue

    def put(self, pending: PendingCommand) -> None:
        room = pending.command.room
        rooms = self._locked_rooms if room in self._locked_rooms else self._runnable_rooms
        queue = rooms.setdefault(room, OrderedDict())
        queue.setdefault(pending.command.actor.user, deque()).append(pending)

    def pop_batch(self, max_commands: int, max_chars: int) -> list[PendingCommand]:
        """One command of each room, then another, until the batch is full. The last text may exceed
        `max_chars`."""
        batch: list[PendingCommand] = []
        chars = 0
        queues = list(islice(self._runnable_rooms.values(), max_commands))
        while queues and len(batch) < max_commands and chars < max_chars:
            for queue in queues:
                batch.append(_pop_next(queue))
                chars += batch[-1].command.chars
                if len(batch) >= max_commands or chars >= max_chars:
                    break
            queues = [queue for queue in queues if queue]
        for room in {pending.command.room for pending in batch}:
            self._locked_rooms[room] = self._runnable_rooms.pop(room)
        return batch

    def unlock_rooms(self, rooms: Iterable[UUID]) -> None:
        """The commands of these rooms that were in a batch are done."""
        for room in rooms:
            queue = self._locked_rooms.pop(room, None)
            if queue:
                self._runnable_rooms[room] = queue

    def remove(self, commands: Iterable[PendingCommand]) -> None:
        """Forget commands that are still in the queue."""
        for pending in commands:
            room, user = pending.command.room, pending.command.actor.user
            rooms = self._locked_rooms if room in self._locked_rooms else self._runnable_rooms
            queue = rooms[room]
            queue[user].remove(pending)
            if not queue[user]:
                del queue[user]
            if not queue and rooms is self._runnable_rooms:
                del self._runnable_rooms[room]


def _pop_next(queue: RoomQueue) -> PendingCommand:
    user, user_queue = queue.popitem(last=False)
    pending = user_queue.popleft()
    if user_queue:
        queue[user] = user_queue
    return pending
