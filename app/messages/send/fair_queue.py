"""Who waits to be committed: rooms take turns, and in a room its senders do."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from itertools import islice
from uuid import UUID

from app.messages.send.pending_send import Waiting

Line = OrderedDict[UUID, deque[Waiting]]  # of one room: senders in turn, what each has sent


class Turns:
    """Nobody's many keep somebody else's one waiting.

    A room whose sends have been taken is held until `release`, so that those of one sender in one
    room keep their order.
    """

    def __init__(self) -> None:
        self._ready: OrderedDict[UUID, Line] = OrderedDict()  # nobody's line is empty
        self._held: dict[UUID, Line] = {}

    def __iter__(self) -> Iterator[Waiting]:
        for lines in (self._ready, self._held):
            for line in lines.values():
                for theirs in line.values():
                    yield from theirs

    def put(self, waiting: Waiting) -> None:
        room = waiting.send.room
        line = (self._held if room in self._held else self._ready).setdefault(room, OrderedDict())
        line.setdefault(waiting.send.actor.user, deque()).append(waiting)

    def take(self, most: int, most_chars: int) -> list[Waiting]:
        """A batch: one of each room, then another, until it is full. Texts may go past
        `most_chars` by one of them."""
        taken: list[Waiting] = []
        chars = 0
        lines = list(islice(self._ready.values(), most))
        while lines and len(taken) < most and chars < most_chars:
            for line in lines:
                taken.append(_next(line))
                chars += len(taken[-1].send.text)
                if len(taken) >= most or chars >= most_chars:
                    break
            lines = [line for line in lines if line]
        for room in {waiting.send.room for waiting in taken}:
            self._held[room] = self._ready.pop(room)
        return taken

    def release(self, rooms: Iterable[UUID]) -> None:
        """What was taken of these rooms is done."""
        for room in rooms:
            line = self._held.pop(room, None)
            if line:
                self._ready[room] = line

    def drop(self, gone: Iterable[Waiting]) -> None:
        """Forget some that wait."""
        for waiting in gone:
            room, sender = waiting.send.room, waiting.send.actor.user
            lines = self._held if room in self._held else self._ready
            line = lines[room]
            line[sender].remove(waiting)
            if not line[sender]:
                del line[sender]
            if not line and lines is self._ready:
                del self._ready[room]


def _next(line: Line) -> Waiting:
    sender, theirs = line.popitem(last=False)
    waiting = theirs.popleft()
    if theirs:
        line[sender] = theirs
    return waiting
