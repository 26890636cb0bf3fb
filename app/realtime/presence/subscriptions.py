"""Who watches whom on this process, and what they were told. No I/O: `worker.py` does that.

A user is seen by those who share a room with them, and by themselves. For everybody else their
state is `unknown`, as it is for an id that nobody has.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import chain, islice
from uuid import UUID

from app.realtime.hub.connection import Socket
from app.wire.domain import PresenceState
from app.wire.frames import Presence, UserPresence


class Watch:
    """What one socket watches, from one `presence.subscribe` frame to the next."""

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

    def __init__(self, socket: Socket, users: Collection[UUID], frame_id: str | int | None) -> None:
        self.socket = socket
        self.users = tuple(dict.fromkeys(users))
        self.frame_id = frame_id
        self.visible: frozenset[UUID] = frozenset()  # before it was looked up: nobody
        self.tried = False  # to look that up
        self.seen_at = 0.0  # loop time of that; 0: never
        self.changed: set[UUID] = set()  # to be told
        self.answered = False


class Watches:
    def __init__(self) -> None:
        self.of: dict[Socket, Watch] = {}  # first whose visibility was looked up longest ago
        self.by_user: dict[UUID, set[Watch]] = defaultdict(set)
        self.states: dict[UUID, PresenceState] = {}  # of those that are watched, as far as known
        self.news = asyncio.Event()  # something new is in one of the first two
        self.unseen: set[Watch] = set()  # visibility is to be looked up
        self.unread: set[UUID] = set()  # the state is to be read
        self.unanswered: set[Watch] = set()  # its socket waits for the answer
        self.untold: set[Watch] = set()  # its socket was not told yet of what has changed

    def replace(self, watch: Watch) -> None:
        """In place of what the socket watched before."""
        self.forget(watch.socket)
        self.of[watch.socket] = watch
        for user in watch.users:
            self.by_user[user].add(watch)
            if user not in self.states:
                self.unread.add(user)
        self.unseen.add(watch)
        self.unanswered.add(watch)
        self.news.set()

    def forget(self, socket: Socket) -> None:
        """The socket watches nobody any more; again does nothing."""
        watch = self.of.pop(socket, None)
        if watch is None:
            return
        for some in (self.unseen, self.unanswered, self.untold):
            some.discard(watch)
        for user in watch.users:
            watching = self.by_user[user]
            watching.discard(watch)
            if not watching:
                del self.by_user[user]
                self.states.pop(user, None)
                self.unread.discard(user)

    def suspect(self, users: Iterable[UUID]) -> None:
        """Their state may have changed."""
        self.unread.update(user for user in users if user in self.by_user)
        if self.unread:
            self.news.set()

    def suspect_ids(self, ids: bytes) -> None:
        """`suspect`, as processes say it to each other; what is no list of ids says nothing."""
        if len(ids) % 16 == 0:
            self.suspect(UUID(bytes=ids[at : at + 16]) for at in range(0, len(ids), 16))

    def doubt(self, user: UUID, sockets: Iterable[Socket]) -> None:
        """The user came into a room or went: who sees them, and whom their sockets see, may be
        others now."""
        self.unseen.update(self.by_user.get(user, ()))
        self.unseen.update(self.of[socket] for socket in sockets if socket in self.of)
        if self.unseen:
            self.news.set()

    def look_again(self, before: float, most: int) -> None:
        """Those whose visibility was last looked up before this time are to be looked up."""
        self.unseen.update(w for w in islice(self.of.values(), most) if w.seen_at < before)

    def take_unseen(self, most: int) -> list[Watch]:
        """Some of them; first those that wait for an answer."""
        waiting = self.unseen & self.unanswered
        taken = list(islice(chain(waiting, self.unseen - waiting), most))
        self.unseen.difference_update(taken)
        if self.unseen:
            self.news.set()
        return taken

    def see(self, watch: Watch, visible: frozenset[UUID], at: float) -> None:
        """Visibility was looked up, at this loop time."""
        if self.of.get(watch.socket) is not watch:
            return  # replaced or gone meanwhile
        self.of[watch.socket] = self.of.pop(watch.socket)
        self._change(watch, visible ^ watch.visible)
        watch.visible, watch.seen_at = visible, at

    def know(self, states: dict[UUID, PresenceState]) -> None:
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
            self.untold.add(watch)

    # What sockets are told.

    def take_unanswered(self) -> list[Watch]:
        """Those for whom visibility was looked up, or was tried to be."""
        taken = [watch for watch in self.unanswered if watch.tried]
        self.unanswered.difference_update(taken)
        return taken

    def answer(self, watch: Watch) -> Presence:
        watch.answered = True
        return Presence(id=watch.frame_id, users=self._states(watch, watch.users))

    def changes(self, watch: Watch) -> Presence:
        return Presence(users=self._states(watch, watch.changed))

    def told(self, watch: Watch) -> None:
        """Of its changes."""
        watch.changed.clear()
        self.untold.discard(watch)

    def _states(self, watch: Watch, users: Iterable[UUID]) -> list[UserPresence]:
        unknown = PresenceState.UNKNOWN
        return [
            UserPresence(
                user=user,
                state=self.states.get(user, unknown) if user in watch.visible else unknown,
            )
            for user in users
        ]
