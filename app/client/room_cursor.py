"""One room's place in its log: next → pass on, seen → drop, hole → ask for a page. No I/O.

What is taken out is the log from the first position on, dense and in order, whatever is lost,
doubled or swapped on the way in. Only taking moves the position: an ack does not come here at all.
"""

from collections.abc import Iterable

from app.wire.events import RoomEvent
from app.wire.frames import RoomOpened

# Events kept that cannot be passed on yet. The newest of more are dropped: the log has them.
MOST_EARLY = 1000


class Position:
    """`at` is the seq of the last event that was taken; None until the server has said where the
    head is. `era` counts the restarts: a page that was asked for in an earlier one is void."""

    def __init__(self, since: int | None) -> None:
        self.at = since
        self.era = 0
        self._early: dict[int, RoomEvent] = {}
        self._owed = 0  # what up to here is missing does not come by itself: the log has to be read
        self._forgotten = False

    def opened(self, frame: RoomOpened, *, from_start: bool) -> bool:
        """The server has answered. True: the room starts anew, and what was kept of it is void.

        It starts anew at the head or, if `from_start`, at the log's first event.
        """
        if frame.state == "reset" or self._forgotten:
            self.forget()
            self._forgotten = False
            self.at = 0 if from_start else frame.seq
            self._owed = frame.seq
            return True
        if self.at is None:
            self.at = at = frame.from_
            self._early = {seq: event for seq, event in self._early.items() if seq > at}
        if frame.resume is not None:
            self._owed = max(self._owed, frame.resume)
        return False

    def forget(self) -> None:
        """The position is worth nothing any more: the next answer starts anew."""
        self.at, self._owed, self._forgotten = None, 0, True
        self._early.clear()
        self.era += 1

    def offer(self, events: Iterable[RoomEvent]) -> None:
        """From the socket or from a page, in any order, any number of times."""
        for event in events:
            if self.at is None or event.seq > self.at:
                self._early[event.seq] = event
                if len(self._early) > MOST_EARLY:
                    newest = max(self._early)
                    del self._early[newest]
                    self._owed = max(self._owed, newest)

    def take(self, most: int) -> list[RoomEvent]:
        """The events that are next, at most so many; the position moves behind them."""
        taken: list[RoomEvent] = []
        while self.at is not None and len(taken) < most and self.ready:
            self.at += 1
            taken.append(self._early.pop(self.at))
        return taken

    @property
    def ready(self) -> bool:
        """The next event is here."""
        return self.at is not None and self.at + 1 in self._early

    def gap(self) -> tuple[int, int] | None:
        """(after, until): what has to be read from the log before anything can go on, or None."""
        if self.at is None or self.ready:
            return None
        if self._early:
            return self.at, min(self._early) - 1
        return (self.at, self._owed) if self._owed > self.at else None

    def behind(self, head: int) -> bool:
        """The log reaches further, and nothing of it is here or known to be missing."""
        return self.at is not None and head > self.at and not self.ready and self.gap() is None
