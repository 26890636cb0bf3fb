"""Presence: who is connected to some process. Truth for now; nothing of it is kept."""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from app.wire.domain import PresenceState

# How often whoever holds a lease renews it, at the latest.
RENEW_EVERY_S = 1.0


class PresenceStore(Protocol):
    @property
    def reached(self) -> bool:
        """As far as is known. While it is not, every state is UNKNOWN."""

    def hold(self, users: Collection[UUID]) -> None:
        """From the next `renew` on these are online: they are connected to this process."""

    def release(self, users: Collection[UUID]) -> None:
        """From the next `renew` on this process keeps these online no more; another one may."""

    async def renew(self) -> Collection[UUID]:
        """Prolong the lease under which this process keeps its users online, and bring in what was
        held and released. Those of whom others can see this only now.

        Within a bounded time; does not raise. What could not be brought in goes with the next
        call. A process that renews no more, however it ended, keeps nobody online for longer than
        its lease.
        """

    async def states(self, users: Collection[UUID]) -> dict[UUID, PresenceState]:
        """Of each: ONLINE if some process keeps it online, OFFLINE if none does.

        UNKNOWN if that cannot be said: while the store is not reached, and, after it has come back
        empty, until the others have had the time to bring theirs in. Within a bounded time, and at
        once where it is known already that the store is not reached; does not raise. A few hundred
        users at once, so that others have their turn.
        """

    async def stop(self) -> None:
        """Let the lease of this process run out after the grace, within a bounded time."""
