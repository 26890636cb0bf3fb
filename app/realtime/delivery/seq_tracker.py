"""How far this process has received each room's events, so that a poll finds what it has missed."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

# Far more than change between two polls.
MAX_ROOMS = 50_000
# Events that are looked through for a room that is unknown or far behind.
MAX_LOOKBACK = 1000


class SeqRange(NamedTuple):
    """Events of a room with `after` < seq <= `until`."""

    room: UUID
    after: int
    until: int


class SeqTracker:
    """By room, the seq up to which every event was received or found by a poll.

    It only moves without a gap: a lost publication, or a forged one of the future, leaves it
    behind, and the next poll shows the room. So do reordered ones, at the cost of one query.
    """

    def __init__(self) -> None:
        self._contiguous_seqs: dict[UUID, int] = {}

    def note(self, room: UUID, seq: int) -> None:
        if self._contiguous_seqs.get(room, 0) == seq - 1:
            self._contiguous_seqs[room] = seq

    def missed(self, heads: Mapping[UUID, int]) -> list[SeqRange]:
        """What was not received of rooms that reach as far as `heads`."""
        return [
            SeqRange(room, max(known, head - MAX_LOOKBACK), head)
            for room, head in heads.items()
            if (known := self._contiguous_seqs.get(room, 0)) < head
        ]

    def mark_checked(self, heads: Mapping[UUID, int]) -> None:
        """The ranges of `missed` were read."""
        if len(self._contiguous_seqs) > MAX_ROOMS:
            self._contiguous_seqs = {
                room: seq for room, seq in self._contiguous_seqs.items() if room in heads
            }
        for room, head in heads.items():
            self._contiguous_seqs[room] = max(head, self._contiguous_seqs.get(room, 0))
