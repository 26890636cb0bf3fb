"""Who is writing in the rooms that are open here. No I/O and no clock: `indicator.py` has both.

Times are the loop's, in seconds.
"""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

TYPING_TTL_S = 6.0
MAX_TYPING = 20  # in one room; who wants to know more than that
REMOVAL_MEMORY_S = 60.0  # how long a whisper may be late
Key = TypeVar("Key")


class TypingState:
    def __init__(self) -> None:
        self._rooms: dict[UUID, dict[UUID, float]] = {}  # until when, by user
        self._next: dict[tuple[UUID, UUID], float] = {}  # when (room, user) may say so again
        self._gone: dict[tuple[UUID, UUID], tuple[int, float]] = {}  # the seq; until when kept
        self.update_due: set[UUID] = set()  # rooms whose sockets are to be told

    def allow(self, room: UUID, user: UUID, now: float, every_s: float) -> bool:
        """And if so, this was it for a while."""
        if self._next.get((room, user), now) > now:
            return False
        self._next[room, user] = now + every_s
        return True

    def start(self, room: UUID, user: UUID, seq: int, now: float) -> None:
        """The user, a member when the room had reached `seq`, is writing."""
        writing = self._rooms.get(room, {})
        if self._gone.get((room, user), (0, 0.0))[0] > seq:
            return  # said before they went
        if user not in writing and len(writing) >= MAX_TYPING:
            return
        self._rooms[room] = writing | {user: now + TYPING_TTL_S}
        self.update_due.add(room)

    def end(self, room: UUID, user: UUID) -> None:
        """The user has sent what they were writing."""
        writing = self._rooms.get(room)
        if writing and writing.pop(user, None):
            self.update_due.add(room)

    def remove(self, room: UUID, user: UUID, seq: int, now: float) -> None:
        """The user is no member any more, since this seq."""
        self._gone[room, user] = (seq, now + REMOVAL_MEMORY_S)
        self.end(room, user)

    def writing(self, room: UUID) -> list[UUID]:
        return list(self._rooms.get(room, ()))

    def forget(self, room: UUID) -> None:
        self._rooms.pop(room, None)
        self.update_due.discard(room)

    def expire(self, now: float) -> None:
        for room, writing in self._rooms.items():
            for user in _before(now, writing.items()):
                del writing[user]
                self.update_due.add(room)
        for room in [room for room, writing in self._rooms.items() if not writing]:
            del self._rooms[room]
        for key in _before(now, self._next.items()):
            del self._next[key]
        for key in _before(now, ((key, until) for key, (_, until) in self._gone.items())):
            del self._gone[key]


def _before(now: float, times: Iterable[tuple[Key, float]]) -> list[Key]:
    return [key for key, until in times if until <= now]
