"""Presence: which users are connected to any process. It is current state and not stored."""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from app.wire.domain import PresenceState

# At least this often a process calls `sync`.
SYNC_INTERVAL_S = 1.0
# Of connected users.
STATES = (PresenceState.ONLINE, PresenceState.AWAY, PresenceState.DO_NOT_DISTURB)


class PresenceStore(Protocol):
    @property
    def available(self) -> bool:
        """Whether the store is reachable, as far as is known. If not, every state is UNKNOWN."""

    def add(self, users: Collection[UUID], state: PresenceState = PresenceState.ONLINE) -> None:
        """Marks users as connected to this process and in this state, which is ONLINE, AWAY or
        DO_NOT_DISTURB; effective with the next `sync`."""

    def remove(self, users: Collection[UUID]) -> None:
        """Marks users as no longer connected to this process; effective with the next `sync`."""

    async def sync(self) -> Collection[UUID]:
        """Renews the lease of this process and writes the added and removed users. Returns the
        users whose change has become visible to other processes.

        Takes a bounded time and does not raise. Changes that could not be written are written by
        the next call. When a process ends in any way, its users go offline with its lease.
        """

    async def read_states(self, users: Collection[UUID]) -> dict[UUID, PresenceState]:
        """The state of each user: that in which any process has them, else OFFLINE. Of several,
        which there are for a moment, the last one in the order of `STATES`.

        UNKNOWN while the store is unavailable and, after it has lost its content, until every
        process has had time to write its users again. Takes a bounded time, none if the store is
        known to be unavailable, and does not raise. Callers pass a few hundred users at a time.
        """

    async def stop(self) -> None:
        """Shortens the lease of this process to the grace. Takes a bounded time."""
