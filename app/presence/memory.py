"""The presence of one process."""

from collections.abc import Collection
from uuid import UUID

from app.presence.local_users import LocalUsers
from app.wire.domain import PresenceState


class MemoryPresence(LocalUsers):
    """Always available and exact, which is more than `PresenceStore` guarantees."""

    available = True

    async def sync(self) -> Collection[UUID]:
        return self._take_pending()

    async def read_states(self, users: Collection[UUID]) -> dict[UUID, PresenceState]:
        return {user: self._users.get(user, PresenceState.OFFLINE) for user in users}

    async def stop(self) -> None:
        self._users.clear()
