"""The users of this process, as both stores of presence keep them."""

from collections.abc import Collection
from uuid import UUID


class LocalUsers:
    def __init__(self) -> None:
        self._users: set[UUID] = set()
        self._pending: set[UUID] = set()  # added or removed since the last successful `sync`

    def add(self, users: Collection[UUID]) -> None:
        self._pending.update(users)
        self._users.update(users)

    def remove(self, users: Collection[UUID]) -> None:
        self._pending.update(users)
        self._users.difference_update(users)

    def _take_pending(self) -> set[UUID]:
        pending, self._pending = self._pending, set()
        return pending
