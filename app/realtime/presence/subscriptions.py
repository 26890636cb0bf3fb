"""Who watches whom on this process, and what they were told. No I/O: `worker.py` does that.

A user is seen by those who share a room with them, and by themselves. For everybody else their
state is `unknown`, as it is for an id that nobody has.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import chain, islice
from uuid import UUID

from app.realtime.hub.connection import Connection
from app.wire.domain import PresenceState
from app.wire.frames import Presence, UserPresence


class Watch:
    """What one socket watches, from one `watch` frame to the next."""

    __slots__ = (
        "answered",
        "changed",
        "frame_id",
        "seen_at",
        "socket",
        "tried",
        "users",
        "visible",
    )

    def __init__(self, connection: Connection, users: Collection[UUID], frame_id: str | int | None) -> None:
        self.connection = connection
        self.users = tuple(dict.fromkeys(users))
        self.frame_id = frame_id
        self.visible: frozenset[UUID] = frozenset()  # before it was looked up: nobody
        self.tried = False  # to look that up
        self.seen_at = 0.0  # loop time of that; 0: never
        self.changed: set[UUID] = set()  # to be told
        self.answered = False


class PresenceSubscriptions:
    def __init__(self) -> None:
        self.of: dict[Connection, Watch] = {}  # first whose visibility was looked up longest ago
        self.by_user: dict[UUID, set[Watch]] = defaultdict(set)
        self.states: dict[UUID, PresenceState] = {}  # of those that are watched, as far as known
        self.work_available = asyncio.Event()  # something new is in one of the first two
        self.visibility_due: set[Watch] = set()  # visibility is to be looked up
        self.state_due: set[UUID] = set()  # the state is to be read
        self.reply_due: set[Watch] = set()  # its socket waits for an answer to the `watch`
        self.update_due: set[Watch] = set()  # its socket was not told yet of what has changed

    def replace(self, watch: Watch) -> None:
        """In place of what the socket watched before."""
        self.forget(watch.connection)
        self.of[watch.connection] = watch
        for user in watch.users:
            self.by_user[user].add(watch)
            if user not in self.states:
                self.state_due.add(user)
        self.visibility_due.add(watch)
        self.reply_due.add(watch)
        self.work_available.set()

    def forget(self, connection: Connection) -> None:
        """The socket watches nobody any more; again does nothing."""
        watch = self.of.pop(connection, None)
        if watch is None:
            return
        for some in (self.visibility_due, self.reply_due, self.update_due):
            some.discard(watch)
        for user in watch.users:
            watching = self.by_user[user]
            watching.discard(watch)
            if not watching:
                del self.by_user[user]
                self.states.pop(user, None)
                self.state_due.discard(user)

    def invalidate_states(self, users: Iterable[UUID]) -> None:
        """Their state may have changed."""
        self.state_due.update(user for user in users if user in self.by_user)
        if self.state_due:
            self.work_available.set()

    def invalidate_encoded(self, ids: bytes) -> None:
        """`invalidate_states`, as processes say it to each other; what is no list of ids says nothing."""
        if len(ids) % 16 == 0:
            self.invalidate_states(UUID(bytes=ids[at : at + 16]) for at in range(0, len(ids), 16))

    def invalidate_visibility(self, user: UUID, connections: Iterable[Connection]) -> None:
        """The user came into a room or went: who sees them, and whom their sockets see, may be
        others now."""
        self.visibility_due.update(self.by_user.get(user, ()))
        self.visibility_due.update(self.of[connection] for connection in connections if connection in self.of)
        if self.visibility_due:
            self.work_available.set()

    def expire_visibility(self, before: float, most: int) -> None:
        """Those whose visibility was last looked up before this time are to be looked up."""
        self.visibility_due.update(w for w in islice(self.of.values(), most) if w.seen_at < before)

    def take_visibility_due(self, most: int) -> list[Watch]:
        """Some of them; first those that wait for an answer."""
        waiting = self.visibility_due & self.reply_due
        taken = list(islice(chain(waiting, self.visibility_due - waiting), most))
        self.visibility_due.difference_update(taken)
        if self.visibility_due:
            self.work_available.set()
        return taken

    def set_visibility(self, watch: Watch, visible: frozenset[UUID], at: float) -> None:
        """Visibility was looked up, at this loop time."""
        if self.of.get(watch.connection) is not watch:
            return  # replaced or gone meanwhile
        self.of[watch.connection] = self.of.pop(watch.connection)
        self._change(watch, visible ^ watch.visible)
        watch.visible, watch.seen_at = visible, at

    def set_states(self, states: dict[UUID, PresenceState]) -> None:
        """States were read."""
        for user, state in states.items():
            watching = self.by_user.get(user)
            if watching is None:
                continue  # nobody watches them any more
            if self.states.get(user, PresenceState.UNKNOWN) != state:
                for watch in watching:
                    if user in watch.visible:
                        self._change(watch, {user})
            self.states[user] = state

    def _change(self, watch: Watch, users: Collection[UUID]) -> None:
        if users and watch.answered:
            watch.changed.update(users)
            self.update_due.add(watch)

    # What sockets are told.

    def take_reply_due(self) -> list[Watch]:
        """Those for whom visibility was looked up, or was tried to be."""
        taken = [watch for watch in self.reply_due if watch.tried]
        self.reply_due.difference_update(taken)
        return taken

    def answer(self, watch: Watch) -> Presence:
        watch.answered = True
        return Presence(id=watch.frame_id, users=self._states(watch, watch.users))

    def changes(self, watch: Watch) -> Presence:
        return Presence(users=self._states(watch, watch.changed))

    def mark_sent(self, watch: Watch) -> None:
        """Of its changes."""
        watch.changed.clear()
        self.update_due.discard(watch)

    def _states(self, watch: Watch, users: Iterable[UUID]) -> list[UserPresence]:
        unknown = PresenceState.UNKNOWN
        return [
            UserPresence(
                user=user,
                state=self.states.get(user, unknown) if user in watch.visible else unknown,
            )
            for user in users
        ]
