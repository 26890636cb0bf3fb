"""The presence of one process."""

from collections.abc import Collection
from uuid import UUID

from app.wire.domain import PresenceState


class MemoryPresence:
    """Always reached, and true: more than `PresenceStore` asks for."""

    reached = True

    def __init__(self) -> None:
        self._held: set[UUID] = set()
        self._moved: set[UUID] = set()

    def hold(self, users: Collection[UUID]) -> None:
        self._moved.update(users)
        self._held.update(users)

    def release(self, users: Collection[UUID]) -> None:
        self._moved.update(users)
        self._held.difference_update(users)

    async def renew(self) -> Collection[UUID]:
        moved, self._moved = self._moved, set()
        return moved

    async def states(self, users: Collection[UUID]) -> dict[UUID, PresenceState]:
        return {
            user: PresenceState.ONLINE if user in self._held else PresenceState.OFFLINE
            for user in users
        }

    async def stop(self) -> None:
        self._held.clear()
