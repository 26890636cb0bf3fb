"""How far this process has heard of each room, so that a sweep tells what it has not heard of."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

# Rooms remembered; far more than change between two sweeps.
MOST = 50_000
# Events looked through for a room of which nothing was known before, or that is far behind.
FARTHEST = 1000


class Missed(NamedTuple):
    """Events of a room with `after` < seq <= `until` that were not heard of."""

    room: UUID
    after: int
    until: int


class Heard:
    """By room, the seq up to which every event was heard of, or found by a sweep.

    It only moves without a hole: a lost poke, or a false one of the future, leaves it behind, and
    the next sweep shows the room. Pokes that come swapped do, too, which costs a look.
    """

    def __init__(self) -> None:
        self._upto: dict[UUID, int] = {}

    def hear(self, room: UUID, seq: int) -> None:
        if self._upto.get(room, 0) == seq - 1:
            self._upto[room] = seq

    def missed(self, heads: Mapping[UUID, int]) -> list[Missed]:
        """Of the rooms that reach as far as `heads`, those that were not heard of that far."""
        return [
            Missed(room, max(known, head - FARTHEST), head)
            for room, head in heads.items()
            if (known := self._upto.get(room, 0)) < head
        ]

    def settle(self, heads: Mapping[UUID, int]) -> None:
        """What `missed` told of was looked at."""
        if len(self._upto) > MOST:
            self._upto = {room: seq for room, seq in self._upto.items() if room in heads}
        for room, head in heads.items():
            self._upto[room] = max(head, self._upto.get(room, 0))
