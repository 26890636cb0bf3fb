"""One room's position in one process: in order → pass, seen → drop, hole → read the log.

No I/O: the hub feeds it and reads the log when it shows a gap. What comes out is dense and in order
whatever happens to the pokes on the way: lost, doubled, swapped, or forged.
"""

from collections.abc import Iterable

from app.core.events import Announcement

# Pokes kept beyond a hole. More are dropped: the log has them, and the gap makes us read it.
MOST_EARLY = 1000


class Stream:
    def __init__(self) -> None:
        self._head: int | None = None  # None: the log has not been asked yet
        self._early: dict[int, Announcement] = {}
        self._known = 0  # somebody said that the log reaches at least this far

    @property
    def begun(self) -> bool:
        return self._head is not None

    @property
    def head(self) -> int:
        """The seq of the last event that was passed on."""
        return self._head or 0

    def begin(self, head: int) -> list[Announcement]:
        """Start at the log's head, which was read after the bus was being heard: what came in
        between is here, and passes or is dropped. Later calls do nothing."""
        if self._head is None:
            self._head = head
            self._early = {seq: poke for seq, poke in self._early.items() if seq > head}
        return self._ready()

    def offer(self, pokes: Iterable[Announcement]) -> list[Announcement]:
        """Those events that are next, in order; from the bus or from the log."""
        for poke in pokes:
            if poke.seq > self.head and len(self._early) < MOST_EARLY:
                self._early[poke.seq] = poke
            if poke.seq > self._known:
                self._known = poke.seq
        return self._ready()

    def suspect(self, head: int) -> None:
        """The log is said to reach this far; a gap shows if it was not passed on yet."""
        self._known = max(self._known, head)

    def gap(self) -> tuple[int, int] | None:
        """(after, until): events that must be in the log and have not come, or None."""
        if self._head is None or self._known <= self._head:
            return None
        return self._head, self._known

    def settle(self, until: int) -> None:
        """The log was read up to `until`. What is still missing of that does not exist: somebody
        told of events that were never committed."""
        self._early = {seq: poke for seq, poke in self._early.items() if seq > until}
        if self._known <= until:
            self._known = self.head

    def _ready(self) -> list[Announcement]:
        if self._head is None:
            return []
        ready = []
        while poke := self._early.pop(self._head + 1, None):
            ready.append(poke)
            self._head += 1
        return ready
