"""A client's position in a room's log: next → deliver, seen → drop, gap → read a page. No I/O.

`pop_ready` returns the log from the first position on, dense and in order, whatever was lost,
duplicated or reordered on the way. Only `pop_ready` moves the position; acks never do.
"""

from collections.abc import Iterable

from app.wire.events import RoomEvent
from app.wire.frames import RoomOpened

# Events kept until those before them have come. Newer ones are dropped: the log has them.
MAX_EARLY = 1000


class RoomCursor:
    """`seq` is that of the last delivered event; None until the server has said where the head is.
    `epoch` is the history that it belongs to; None until then, and for positions without one.
    `generation` counts the resets: a page that was requested before a reset is void."""

    def __init__(self, since: int | None, epoch: str | None = None) -> None:
        self.seq, self.epoch = since, epoch
        self.generation = 0
        self._early: dict[int, RoomEvent] = {}
        self._fetch_until = 0  # events up to here are not sent again: read them from the log

    def opened(self, frame: RoomOpened, epoch: str, *, from_start: bool) -> bool:
        """`epoch` is that of the socket. Returns whether the server has reset the position: then
        the room continues at the head or, if `from_start`, at the first event of the log."""
        self.epoch = epoch
        if frame.state == "reset":
            self._early.clear()
            self.generation += 1
            self.seq = 0 if from_start else frame.seq
            self._fetch_until = frame.seq
            return True
        if self.seq is None:
            self.seq = start = frame.from_
            self._early = {seq: event for seq, event in self._early.items() if seq > start}
        if frame.resume is not None:
            self._fetch_until = max(self._fetch_until, frame.resume)
        return False

    def add(self, events: Iterable[RoomEvent]) -> None:
        """Add events of the socket or of a page, in any order; duplicates are ignored."""
        for event in events:
            if self.seq is None or event.seq > self.seq:
                self._early[event.seq] = event
                if len(self._early) > MAX_EARLY:
                    newest = max(self._early)
                    del self._early[newest]
                    self._fetch_until = max(self._fetch_until, newest)

    def pop_ready(self, max_events: int) -> list[RoomEvent]:
        """The next events in order; moves the position behind them."""
        events: list[RoomEvent] = []
        while self.seq is not None and len(events) < max_events and self.ready:
            self.seq += 1
            events.append(self._early.pop(self.seq))
        return events

    @property
    def ready(self) -> bool:
        """Whether the next event has come."""
        return self.seq is not None and self.seq + 1 in self._early

    def gap(self) -> tuple[int, int] | None:
        """(after, until) to read from the log before anything can be delivered; None: nothing."""
        if self.seq is None or self.ready:
            return None
        if self._early:
            return self.seq, min(self._early) - 1
        return (self.seq, self._fetch_until) if self._fetch_until > self.seq else None

    def behind(self, head: int) -> bool:
        """Whether the log goes on and none of it has come or is known to be missing."""
        return self.seq is not None and head > self.seq and not self.ready and self.gap() is None
