"""One room's position in one process: in order → pass, seen → drop, hole → read the log.

No I/O: the hub feeds it and reads the log when it shows a gap. What comes out is dense and in order
whatever happens to the pokes on the way: lost, doubled, swapped, or forged.
"""

from collections.abc import Iterable

from app.core.publications import Publication

# How far beyond a hole pokes are kept. Others are dropped: the log has them, and the gap makes us
# read it. A bound on the distance, not on the number, so that the next event always fits.
MAX_LOOKAHEAD = 1000


class RoomStream:
    def __init__(self) -> None:
        self._head: int | None = None  # None: the log has not been asked yet
        self._out_of_order: dict[int, Publication] = {}
        self._highest_seen = 0  # somebody said that the log reaches at least this far
        self._highest_seen_since_read = 0  # the same, of what was said since the log was last asked

    @property
    def head(self) -> int:
        """The seq of the last event that was passed on."""
        return self._head or 0

    def will_deliver(self, seq: int) -> bool:
        """An event with this seq, offered now, will be passed on, now or after others."""
        return self._head is not None and seq > self._head

    def start(self, head: int) -> list[Publication]:
        """Start at the log's head, which was read after the bus was being heard: what came in
        between is here, and passes or is dropped. Later calls do nothing."""
        if self._head is None:
            self._head = head
            self._out_of_order = {
                seq: publication for seq, publication in self._out_of_order.items() if self._fits(seq)
            }
        return self._ready()

    def offer(self, publications: Iterable[Publication]) -> list[Publication]:
        """Those events that are next, in order; from the bus or from the log."""
        for publication in publications:
            if self._fits(publication.seq):
                self._out_of_order[publication.seq] = publication
            self.note_head(publication.seq)
        return self._ready()

    def note_head(self, head: int) -> None:
        """The log is said to reach this far; a gap shows if it was not passed on yet."""
        self._highest_seen = max(self._highest_seen, head)
        self._highest_seen_since_read = max(self._highest_seen_since_read, head)

    def gap(self) -> tuple[int, int] | None:
        """(after, until): events that must be in the log and have not come, or None."""
        if self._head is None or self._highest_seen <= self._head:
            return None
        return self._head, self._highest_seen

    def begin_repair(self) -> tuple[int, int] | None:
        """`gap`, for somebody who now reads the log and then calls `end_repair`."""
        self._highest_seen_since_read = 0
        return self.gap()

    def end_repair(self, until: int) -> None:
        """The log was read up to `until`. What is still missing of that does not exist: somebody
        told of events that were never committed. What was said since `begin_repair` is not judged by it:
        it may have been committed after the log was read."""
        self._out_of_order = {seq: publication for seq, publication in self._out_of_order.items() if seq > until}
        if self._highest_seen <= until:
            self._highest_seen = max(self._highest_seen_since_read, self.head)

    def _fits(self, seq: int) -> bool:
        if self._head is None:
            return len(self._out_of_order) < MAX_LOOKAHEAD
        return self._head < seq <= self._head + MAX_LOOKAHEAD

    def _ready(self) -> list[Publication]:
        if self._head is None:
            return []
        ready = []
        while publication := self._out_of_order.pop(self._head + 1, None):
            ready.append(publication)
            self._head += 1
        return ready
