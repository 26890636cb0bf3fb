"""Which rooms have changed in the lists of which connections.

Neither order nor repetition of notes matters: `updates.py` reads the rooms as they are then.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from app.core.publications import Publication
from app.realtime.hub.connection import Connection, Subscription
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.wire.events import COUNTED_KINDS, MEMBERSHIP_KINDS, PublicationKind
from app.wire.frames import RoomClosed

StaleEntry = tuple[Connection, UUID]
_KINDS_OF_MEMBERS = MEMBERSHIP_KINDS | {PublicationKind.MEMBER_CHANGED}
# Those that come all the time. Large rooms have them sent more slowly.
_FREQUENT_KINDS = COUNTED_KINDS | MEMBERSHIP_KINDS


class RoomListState(HubListener):
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        # In the order in which they became stale. `updates.py` drops those of lost connections.
        self.stale: dict[StaleEntry, None] = {}
        self._urgent: set[StaleEntry] = set()  # those that do not wait longer in a large room

    def on_event(self, event: Publication) -> None:
        """For the members that do not have the room open, every event moves its head. What changes
        permissions or memberships also concerns those who do."""
        self._invalidate_closed(event.channel, urgent=event.kind not in _FREQUENT_KINDS)
        if event.kind in _KINDS_OF_MEMBERS:
            self._invalidate_user(event.channel, event.user)
        elif event.kind is PublicationKind.ROOM_CHANGED:
            self._invalidate_all(event.channel, self._hub.member_connections(event.channel))

    def on_list_changed(self, room_id: UUID, user: UUID | None) -> None:
        """That of a user is sent to all of their connections, also where the room is open."""
        if user is None:
            self._invalidate_closed(room_id, urgent=False)
        else:
            self._invalidate_user(room_id, user)

    def on_unsubscribed(self, subscription: Subscription, was_live: bool) -> None:
        """A client cannot tell from events whether it was mentioned."""
        connection, room_id = subscription.connection, subscription.room.id
        if connection in self._hub.connections and self._hub.is_member(connection, room_id):
            self._invalidate(connection, room_id)

    def on_evicted(self, connection: Connection, closed: RoomClosed) -> None:
        self._invalidate(connection, closed.room)

    def on_late_eviction(self, connection: Connection, room_id: UUID) -> None:
        """The user may be a member again."""
        self._invalidate(connection, room_id)

    def _invalidate_user(self, room_id: UUID, user: UUID) -> None:
        self._invalidate_all(room_id, self._hub.by_user.get(user, ()))

    def _invalidate_all(self, room_id: UUID, connections: Iterable[Connection]) -> None:
        for connection in connections:
            self._invalidate(connection, room_id)

    def _invalidate(self, connection: Connection, room_id: UUID) -> None:
        self.stale[connection, room_id] = None
        self._urgent.add((connection, room_id))

    def _invalidate_closed(self, room_id: UUID, *, urgent: bool) -> None:
        """Of the members that do not have the room open."""
        room = self._hub.rooms.get(room_id)
        live = room.live if room else ()  # in an open room nearly all members: skipped quickly
        members = self._hub.member_connections(room_id)
        for connection in [member for member in members if member not in live]:
            if room_id not in connection.subscriptions:
                self.stale[connection, room_id] = None
                if urgent:
                    self._urgent.add((connection, room_id))

    def take_due(self, *, with_large: bool) -> Collection[StaleEntry]:
        """Take the stale entries; those of large rooms only if asked to, or if they are urgent."""
        stale, self.stale = self.stale, {}
        urgent, self._urgent = self._urgent, set()
        if with_large or not stale:
            return stale
        large = {room for room in {room for _, room in stale} if self._hub.is_large(room)}
        due: dict[StaleEntry, None] = {}
        for entry in stale:
            waits = entry[1] in large and entry not in urgent
            (self.stale if waits else due)[entry] = None
        return due

    def put_back(self, entries: Collection[StaleEntry]) -> None:
        """They are sent with the next update."""
        self.stale = dict.fromkeys(entries) | self.stale
        self._urgent.update(entries)
