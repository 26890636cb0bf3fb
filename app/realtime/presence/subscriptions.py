"""Which connections of this process watch the presence of which users, and what they were sent. No
I/O: `updates.py` does that.

A user is visible to themselves, and to those who share a room with them and whom they have not
blocked, unless they have chosen to be visible to nobody. To everyone else their state is `unknown`,
as is that of an id that does not exist.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable
from itertools import chain, islice
from uuid import UUID

from app.core.publications import Publication
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.wire.client_frames import SubscribePresence
from app.wire.domain import PresenceState
from app.wire.errors import Invalid
from app.wire.events import MEMBERSHIP_KINDS, PublicationKind
from app.wire.frames import Presence, UserPresence


class PresenceSubscription:
    """The users that one connection watches, from one `presence.subscribe` frame to the next."""

    __slots__ = (
        "changed",
        "connection",
        "frame_id",
        "reply_sent",
        "users",
        "visibility_read_at",
        "visibility_tried",
        "visible",
    )

    def __init__(
        self, connection: Connection, users: Collection[UUID], frame_id: str | int | None
    ) -> None:
        self.connection = connection
        self.users = tuple(dict.fromkeys(users))
        self.frame_id = frame_id
        self.visible: frozenset[UUID] = frozenset()
        self.visibility_tried = False
        self.visibility_read_at = 0.0  # loop time
        self.changed: set[UUID] = set()  # users whose state differs from what was sent
        self.reply_sent = False


class PresenceSubscriptions(HubListener):
    """The sets `…_due` are work for `updates.py`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        # Ordered by when their visibility was read, the oldest first.
        self.by_connection: dict[Connection, PresenceSubscription] = {}
        self.by_user: dict[UUID, set[PresenceSubscription]] = defaultdict(set)
        self.states: dict[UUID, PresenceState] = {}  # of users that are watched, if read
        self.work_available = asyncio.Event()  # in `visibility_due` or `state_due`
        self.visibility_due: set[PresenceSubscription] = set()
        self.state_due: set[UUID] = set()
        self.reply_due: set[PresenceSubscription] = set()
        self.update_due: set[PresenceSubscription] = set()

    def subscribe(self, connection: Connection, frame: SubscribePresence) -> None:
        """Watch these users in place of those before. `updates.py` replies, so that no frame waits
        for the database or the store."""
        limit = self._hub.limits.presence_subscriptions
        if len(frame.users) > limit:
            raise Invalid(
                f"A socket watches at most {limit} users.",
                [{"path": "users", "message": f"List should have at most {limit} items"}],
            )
        self.unsubscribe(connection)
        subscription = PresenceSubscription(connection, frame.users, frame.id)
        self.by_connection[connection] = subscription
        for user in subscription.users:
            self.by_user[user].add(subscription)
            if user not in self.states:
                self.state_due.add(user)
        self.visibility_due.add(subscription)
        self.reply_due.add(subscription)
        self.work_available.set()

    def unsubscribe(self, connection: Connection) -> None:
        """Watch no users any more; a second call does nothing."""
        subscription = self.by_connection.pop(connection, None)
        if subscription is None:
            return
        for due in (self.visibility_due, self.reply_due, self.update_due):
            due.discard(subscription)
        for user in subscription.users:
            subscribers = self.by_user[user]
            subscribers.discard(subscription)
            if not subscribers:
                del self.by_user[user]
                self.states.pop(user, None)
                self.state_due.discard(user)

    # From the hub.

    def on_disconnected(self, connection: Connection) -> None:
        self.unsubscribe(connection)

    def on_volatile(self, publication: Publication) -> None:
        """The ids of users whose state has changed; a payload that is no list of ids is ignored."""
        ids = publication.payload
        if publication.kind is PublicationKind.PRESENCE and len(ids) % 16 == 0:
            self.invalidate_states(UUID(bytes=ids[at : at + 16]) for at in range(0, len(ids), 16))
        elif publication.kind is PublicationKind.VISIBILITY:
            self._invalidate_visibility(self.by_user.get(publication.user, ()))

    def on_event(self, event: Publication) -> None:
        """A user who joins or leaves a room may be visible to others, and others to them."""
        if event.kind in MEMBERSHIP_KINDS:
            own = self._hub.by_user.get(event.user, ())
            self._invalidate_visibility(self.by_user.get(event.user, ()))
            self._invalidate_visibility(
                self.by_connection[connection]
                for connection in own
                if connection in self.by_connection
            )

    def _invalidate_visibility(self, subscriptions: Iterable[PresenceSubscription]) -> None:
        self.visibility_due.update(subscriptions)
        if self.visibility_due:
            self.work_available.set()

    # What is read.

    def invalidate_states(self, users: Iterable[UUID]) -> None:
        self.state_due.update(user for user in users if user in self.by_user)
        if self.state_due:
            self.work_available.set()

    def expire_visibility(self, before: float, max_count: int) -> None:
        """Have visibility read again that was last read before this time."""
        oldest = islice(self.by_connection.values(), max_count)
        self.visibility_due.update(s for s in oldest if s.visibility_read_at < before)

    def take_visibility_due(self, max_count: int) -> list[PresenceSubscription]:
        """Some of them; first those that wait for a reply."""
        waiting = self.visibility_due & self.reply_due
        taken = list(islice(chain(waiting, self.visibility_due - waiting), max_count))
        self.visibility_due.difference_update(taken)
        if self.visibility_due:
            self.work_available.set()
        return taken

    def set_visibility(
        self, subscription: PresenceSubscription, visible: frozenset[UUID], at: float
    ) -> None:
        """Visibility was read, at this loop time."""
        connection = subscription.connection
        if self.by_connection.get(connection) is not subscription:
            return  # replaced or disconnected meanwhile
        self.by_connection[connection] = self.by_connection.pop(connection)  # now the newest
        self._add_changes(subscription, visible ^ subscription.visible)
        subscription.visible, subscription.visibility_read_at = visible, at

    def set_states(self, states: dict[UUID, PresenceState]) -> None:
        """States were read."""
        for user, state in states.items():
            subscribers = self.by_user.get(user)
            if subscribers is None:
                continue  # not watched any more
            if self.states.get(user, PresenceState.UNKNOWN) != state:
                for subscription in subscribers:
                    if user in subscription.visible:
                        self._add_changes(subscription, {user})
            self.states[user] = state

    def _add_changes(self, subscription: PresenceSubscription, users: Collection[UUID]) -> None:
        if users and subscription.reply_sent:
            subscription.changed.update(users)
            self.update_due.add(subscription)

    # What is sent.

    def take_reply_due(self) -> list[PresenceSubscription]:
        """Those whose visibility was read, or could not be read."""
        taken = [subscription for subscription in self.reply_due if subscription.visibility_tried]
        self.reply_due.difference_update(taken)
        return taken

    def reply(self, subscription: PresenceSubscription) -> Presence:
        """All states, in answer to the `presence.subscribe` frame."""
        subscription.reply_sent = True
        users = self._user_states(subscription, subscription.users)
        return Presence(id=subscription.frame_id, users=users)

    def update(self, subscription: PresenceSubscription) -> Presence:
        return Presence(users=self._user_states(subscription, subscription.changed))

    def mark_sent(self, subscription: PresenceSubscription) -> None:
        """The update was sent."""
        subscription.changed.clear()
        self.update_due.discard(subscription)

    def _user_states(
        self, subscription: PresenceSubscription, users: Iterable[UUID]
    ) -> list[UserPresence]:
        unknown, visible = PresenceState.UNKNOWN, subscription.visible
        return [
            UserPresence(
                user=user, state=self.states.get(user, unknown) if user in visible else unknown
            )
            for user in users
        ]
