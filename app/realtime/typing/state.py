"""Which users are typing in the rooms that are open here. No I/O and no clock.

Times are the loop's, in seconds.
"""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

TYPING_TTL_S = 6.0
MAX_TYPING = 20  # users in one room; more are of no use to a reader
REMOVAL_MEMORY_S = 60.0  # how late a volatile publication may arrive
Key = TypeVar("Key")


class TypingState:
    def __init__(self) -> None:
        self._rooms: dict[UUID, dict[UUID, float]] = {}  # by room and user, until when
        self._next_allowed: dict[tuple[UUID, UUID], float] = {}  # by room and user
        self._removed: dict[tuple[UUID, UUID], tuple[int, float]] = {}  # (seq, kept until)
        self.update_due: set[UUID] = set()  # rooms whose connections are to be sent an update

    def allow(self, room: UUID, user: UUID, now: float, interval_s: float) -> bool:
        """Whether the user may publish that they are typing. Also starts the rate-limit interval if
        so."""
        if self._next_allowed.get((room, user), now) > now:
            return False
        self._next_allowed[room, user] = now + interval_s
        return True

    def start(self, room: UUID, user: UUID, seq: int, now: float) -> None:
        """The user, a member when the room had reached `seq`, is typing."""
        typing = self._rooms.get(room, {})
        if self._removed.get((room, user), (0, 0.0))[0] > seq:
            return  # published before they were removed
        if user not in typing and len(typing) >= MAX_TYPING:
            return
        self._rooms[room] = typing | {user: now + TYPING_TTL_S}
        self.update_due.add(room)

    def stop(self, room: UUID, user: UUID) -> None:
        """The user has sent what they were typing."""
        typing = self._rooms.get(room)
        if typing and typing.pop(user, None):
            self.update_due.add(room)

    def remove(self, room: UUID, user: UUID, seq: int, now: float) -> None:
        """The user is no member any more, since this seq."""
        self._removed[room, user] = (seq, now + REMOVAL_MEMORY_S)
        self.stop(room, user)

    def typing_users(self, room: UUID) -> list[UUID]:
        return list(self._rooms.get(room, ()))

    def forget(self, room: UUID) -> None:
        self._rooms.pop(room, None)
        self.update_due.discard(room)

    def expire(self, now: float) -> None:
        for room, typing in self._rooms.items():
            for user in _expired(now, typing.items()):
                del typing[user]
                self.update_due.add(room)
        for room in [room for room, typing in self._rooms.items() if not typing]:
            del self._rooms[room]
        for key in _expired(now, self._next_allowed.items()):
            del self._next_allowed[key]
        for key in _expired(now, ((key, until) for key, (_, until) in self._removed.items())):
            del self._removed[key]


def _expired(now: float, deadlines: Iterable[tuple[Key, float]]) -> list[Key]:
    return [key for key, deadline in deadlines if deadline <= now]
