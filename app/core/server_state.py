"""Which history the database has, and how often its clock was seen to step back."""

from typing import NamedTuple


class ServerState(NamedTuple):
    """`restores` is how often a backup was restored; 0: `epoch` is the database's first."""

    epoch: str
    restores: int
    clock_steps: int

    def includes(self, epoch: str | None) -> bool:
        """Whether positions of this epoch belong to this history. Without one (None) they do only
        if there was no other history: a client may have come from before epochs."""
        return epoch == self.epoch or (epoch is None and not self.restores)
