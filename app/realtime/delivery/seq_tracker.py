"""How far this process has heard of each room, so that a sweep tells what it has not heard of."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

# Rooms remembered; far more than change between two sweeps.
MAX_ROOMS = 50_000
# Events looked through for a room of which nothing was known before, or that is far behind.
MAX_LOOKBACK = 1000


class SeqRange(NamedTuple):
    """Events of a room with `after` < seq <= `until` that were not heard of."""

    room: UUID
    after: int
    until: int


class SeqTracker:
    """By room, the seq up to which every event was heard of, or found by a sweep.

    It only moves without a hole: a lost poke, or a false one of the future, leaves it behind, and
    the next sweep shows the room. Pokes that come swapped do, too, which costs a look.
    """

    def __init__(self) -> None:
        self._contiguous_seqs: dict[UUID, int] = {}

    def note(self, room: UUID, seq: int) -> None:
        if self._contiguous_seqs.get(room, 0) == seq - 1:
            self._contiguous_seqs[room] = seq

    def missed(self, heads: Mapping[UUID, int]) -> list[SeqRange]:
        """Of the rooms that reach as far as `heads`, those that were not heard of that far."""
        return [
            SeqRange(room, max(known, head - MAX_LOOKBACK), head)
            for room, head in heads.items()
            if (known := self._contiguous_seqs.get(room, 0)) < head
        ]

    def mark_checked(self, heads: Mapping[UUID, int]) -> None:
        """What `missed` told of was looked at."""
        if len(self._contiguous_seqs) > MAX_ROOMS:
            self._contiguous_seqs = {room: seq for room, seq in self._contiguous_seqs.items() if room in heads}
        for room, head in heads.items():
            self._contiguous_seqs[room] = max(head, self._contiguous_seqs.get(room, 0))
