"""The users of this process, as both stores of presence keep them."""

from collections.abc import Collection
from uuid import UUID

from app.wire.domain import PresenceState


class LocalUsers:
    def __init__(self) -> None:
        self._users: dict[UUID, PresenceState] = {}
        self._special: dict[UUID, PresenceState] = {}  # those who are not simply online
        self._pending: set[UUID] = set()  # added or removed since the last successful `sync`

    def add(self, users: Collection[UUID], state: PresenceState = PresenceState.ONLINE) -> None:
        self._pending.update(users)
        self._users.update(dict.fromkeys(users, state))
        if state is PresenceState.ONLINE:
            self._remove_special(users)
        else:
            self._special.update(dict.fromkeys(users, state))

    def remove(self, users: Collection[UUID]) -> None:
        self._pending.update(users)
        for user in users:
            self._users.pop(user, None)
        self._remove_special(users)

    def _remove_special(self, users: Collection[UUID]) -> None:
        for user in users if self._special else ():
            self._special.pop(user, None)

    def _take_pending(self) -> set[UUID]:
        pending, self._pending = self._pending, set()
        return pending
