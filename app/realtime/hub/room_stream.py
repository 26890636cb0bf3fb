"""The position of one room in one process: delivers the next event, drops one that was seen, and
shows a gap that has to be read from the log.

No I/O. What comes out is dense and in order, although publications may be lost, duplicated,
reordered or forged.
"""

from collections.abc import Iterable

from app.core.publications import Publication

# How far beyond a gap publications are kept. The others are read from the log with the gap. It
# bounds the distance instead of the number, so that the next event always fits.
MAX_LOOKAHEAD = 1000


class RoomStream:
    def __init__(self) -> None:
        self._head: int | None = None  # None until `start`
        self._out_of_order: dict[int, Publication] = {}
        self._highest_seen = 0  # a publication or query said that the log reaches this far
        self._highest_seen_since_read = 0  # the same, since `begin_repair`

    @property
    def head(self) -> int:
        """The seq of the last event that was delivered."""
        return self._head or 0

    def will_deliver(self, seq: int) -> bool:
        """Whether an event with this seq, if offered now, will be delivered now or later."""
        return self._head is not None and seq > self._head

    def start(self, head: int) -> list[Publication]:
        """Start at the head of the log, which was read after publications began to be offered;
        returns those that follow it. Later calls do not move the position."""
        if self._head is None:
            self._head = head
            self._out_of_order = {
                seq: event for seq, event in self._out_of_order.items() if self._fits(seq)
            }
        return self._take_ready()

    def offer(self, events: Iterable[Publication]) -> list[Publication]:
        """Take events from the bus or from the log; returns those that are next, in order."""
        for event in events:
            if self._fits(event.seq):
                self._out_of_order[event.seq] = event
            self.note_head(event.seq)
        return self._take_ready()

    def note_head(self, head: int) -> None:
        """The log is said to reach this far: shows a gap if that was not delivered yet."""
        self._highest_seen = max(self._highest_seen, head)
        self._highest_seen_since_read = max(self._highest_seen_since_read, head)

    def gap(self) -> tuple[int, int] | None:
        """(after, until): events that the log should have and that have not come, or None."""
        if self._head is None or self._highest_seen <= self._head:
            return None
        return self._head, self._highest_seen

    def begin_repair(self) -> tuple[int, int] | None:
        """The gap, for a caller that now reads the log and then calls `end_repair`."""
        self._highest_seen_since_read = 0
        return self.gap()

    def end_repair(self, until: int) -> None:
        """The log was read up to `until`: events up to there that are still missing were never
        committed. What was seen since `begin_repair` may have been committed after the read, so
        that it is not judged by it."""
        self._out_of_order = {
            seq: event for seq, event in self._out_of_order.items() if seq > until
        }
        if self._highest_seen <= until:
            self._highest_seen = max(self._highest_seen_since_read, self.head)

    def _fits(self, seq: int) -> bool:
        if self._head is None:
            return len(self._out_of_order) < MAX_LOOKAHEAD
        return self._head < seq <= self._head + MAX_LOOKAHEAD

    def _take_ready(self) -> list[Publication]:
        if self._head is None:
            return []
        ready = []
        while event := self._out_of_order.pop(self._head + 1, None):
            ready.append(event)
            self._head += 1
        return ready
