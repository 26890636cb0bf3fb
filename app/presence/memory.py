"""The presence of one process."""

from collections.abc import Collection
from uuid import UUID

from app.wire.domain import PresenceState


class MemoryPresence:
    """Always available and exact, which is more than `PresenceStore` guarantees."""

    available = True

    def __init__(self) -> None:
        self._users: set[UUID] = set()
        self._pending: set[UUID] = set()

    def add(self, users: Collection[UUID]) -> None:
        self._pending.update(users)
        self._users.update(users)

    def remove(self, users: Collection[UUID]) -> None:
        self._pending.update(users)
        self._users.difference_update(users)

    async def sync(self) -> Collection[UUID]:
        pending, self._pending = self._pending, set()
        return pending

    async def read_states(self, users: Collection[UUID]) -> dict[UUID, PresenceState]:
        return {
            user: PresenceState.ONLINE if user in self._users else PresenceState.OFFLINE
            for user in users
        }

    async def stop(self) -> None:
        self._users.clear()
