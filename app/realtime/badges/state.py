"""Which badges are stale: unread counts of rooms that are not open on a connection.

Only that they may have changed is noted here, so that neither order nor repetition matters;
`updates.py` counts.
"""

from typing import Literal
from uuid import UUID

from app.core.publications import Publication
from app.realtime.hub.connection import Connection, Subscription
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.wire.events import CLOSE_REASONS, COUNTED_KINDS, MEMBERSHIP_KINDS
from app.wire.frames import RoomClosed

# With the reason if an event said that the user is no member any more.
StaleBadges = dict[tuple[Connection, UUID], Literal["left", "removed"] | None]


class BadgeState(HubListener):
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.stale: StaleBadges = {}
        # The event with the highest seq that closed a room on a connection, if one did.
        self._closed_at: dict[Connection, dict[UUID, int]] = {}

    def on_disconnected(self, connection: Connection) -> None:
        self._closed_at.pop(connection, None)

    def on_event(self, event: Publication) -> None:
        """A message changes the counts of all members; joining or leaving those of one user."""
        if event.kind in COUNTED_KINDS:
            self._invalidate_closed(event.channel)
        elif event.kind in MEMBERSHIP_KINDS:
            reason = CLOSE_REASONS.get(event.kind)
            for connection in self._hub.by_user.get(event.user, ()):
                if event.channel not in connection.subscriptions and (
                    reason is None or self._note_closing(connection, event.channel, event.seq)
                ):
                    self.stale[connection, event.channel] = reason

    def on_counts_changed(self, room_id: UUID, user: UUID | None) -> None:
        """Those of a user are sent to all of their connections, also where the room is open."""
        if user is None:
            self._invalidate_closed(room_id)
            return
        for connection in self._hub.by_user.get(user, ()):
            self.stale.setdefault((connection, room_id), None)

    def on_unsubscribed(self, subscription: Subscription, was_live: bool) -> None:
        """Only of a subscription that had every event is the client's own count right."""
        connection, room = subscription.connection, subscription.room
        is_complete = was_live and not room.stream.gap()
        if not is_complete and self._hub.is_member(connection, room.id):
            self.stale.setdefault((connection, room.id), None)

    def on_evicted(self, connection: Connection, closed: RoomClosed) -> None:
        """The publication of its event may come again."""
        self._note_closing(connection, closed.room, closed.seq or 0)

    def on_late_eviction(self, connection: Connection, room_id: UUID) -> None:
        """Without a reason, because `room.closed` was sent: the count tells if they are back."""
        self.stale[connection, room_id] = None

    def _note_closing(self, connection: Connection, room_id: UUID, seq: int) -> bool:
        """Returns False if this event, or a later one, has closed the room before."""
        closed_at = self._closed_at.setdefault(connection, {})
        known = closed_at.get(room_id, 0)
        closed_at[room_id] = max(known, seq)
        return seq > known

    def _invalidate_closed(self, room_id: UUID) -> None:
        """Of the members that do not have the room open."""
        room = self._hub.rooms.get(room_id)
        live = room.live if room else ()  # in an open room nearly all members: skipped quickly
        members = self._hub.member_connections.get(room_id, ())
        for connection in [member for member in members if member not in live]:
            if room_id not in connection.subscriptions:
                self.stale.setdefault((connection, room_id), None)

    def take_due(self, *, with_large: bool) -> StaleBadges:
        """Take the stale badges; those of large rooms only if asked to."""
        if with_large:
            due, self.stale = self.stale, {}
            return due
        if not self.stale:
            return {}
        large = {room for room in {room for _, room in self.stale} if self._hub.is_large(room)}
        due = {key: reason for key, reason in self.stale.items() if key[1] not in large}
        self.stale = {key: reason for key, reason in self.stale.items() if key[1] in large}
        return due

    def put_back(self, badges: StaleBadges) -> None:
        """Newer entries win."""
        self.stale = badges | self.stale
