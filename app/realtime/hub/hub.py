"""Which connections exist in this process, which rooms are open on them, and who is a member.

The hub broadcasts frames to the subscriptions of a room and tells its listeners what happens. It
knows none of the features that listen.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from uuid import UUID

from app.core.publications import Publication
from app.limit_settings import Limits
from app.realtime.hub.connection import Connection, RoomChannel, RoomMembers, Subscription
from app.realtime.hub.event_frames import EventFrame
from app.realtime.hub.listener import HubListener
from app.realtime.transport.write_coalescer import WriteCoalescer
from app.wire.close_codes import CloseCode
from app.wire.frames import RoomClosed
from app.wire.items import ItemKey


class Hub:
    def __init__(self, limits: Limits, coalesce_writes: bool = True) -> None:
        self.limits = limits
        self.connections: set[Connection] = set()
        self.by_user: dict[UUID, list[Connection]] = defaultdict(list)  # the oldest first
        self._members: dict[UUID, RoomMembers] = {}  # of rooms that have some here
        self.rooms: dict[UUID, RoomChannel] = {}
        self.coalescer = WriteCoalescer(limits.send_buffer_bytes, coalesce_writes)
        self._listeners: list[HubListener] = []

    def add_listener(self, listener: HubListener) -> None:
        self._listeners.append(listener)

    # Connections.

    def register(self, connection: Connection) -> None:
        """Add a connection after its `hello`. The oldest of a user with too many is replaced."""
        own = self.by_user[connection.user]
        while len(own) >= self.limits.sockets_per_user:
            self.close(own[0], CloseCode.REPLACED, "too many sockets of this user")
        self.by_user[connection.user].append(connection)
        self.connections.add(connection)
        for listener in self._listeners:
            listener.on_connected(connection)

    def unregister(self, connection: Connection) -> None:
        """Forget a connection; a second call does nothing."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        own = self.by_user[connection.user]
        own.remove(connection)
        if not own:
            del self.by_user[connection.user]
        for listener in self._listeners:
            listener.on_disconnected(connection)
        for room_id in list(connection.subscriptions):
            self.unsubscribe(connection, room_id)
        for members in connection.member_rooms:
            self._forget_member(members, connection)
        connection.member_rooms.clear()

    def close(self, connection: Connection, code: CloseCode, reason: str) -> None:
        connection.close(code, reason)
        self.unregister(connection)

    def close_session(self, session: UUID, user: UUID) -> None:
        """Close the connections of a session that was ended."""
        for connection in [c for c in self.by_user.get(user, ()) if c.actor.session == session]:
            self.close(connection, CloseCode.REVOKED, "the session was ended")

    # Subscriptions.

    def subscribe(self, connection: Connection, room_id: UUID) -> Subscription:
        """Open a room. Its events reach the connection from `set_live` on."""
        room = self.rooms.get(room_id)
        if room is None:
            members = self._members.get(room_id)
            room = RoomChannel(members.room_id if members else room_id)  # one object for each id
            self.rooms[room.id] = room
        subscription = Subscription(connection, room)
        connection.subscriptions[room.id] = subscription
        room.subscriber_count += 1
        return subscription

    def set_live(self, subscription: Subscription) -> None:
        """Send events from now on, beginning after those that are pending."""
        self.coalescer.flush_room(subscription.room)
        subscription.room.live[subscription.connection] = subscription

    def suspend(self, subscription: Subscription) -> None:
        """Send no events after those that are pending."""
        self.coalescer.flush_room(subscription.room)
        del subscription.room.live[subscription.connection]

    def unsubscribe(self, connection: Connection, room_id: UUID) -> None:
        """Close a room; does nothing if it is not open on the connection."""
        subscription = connection.subscriptions.pop(room_id, None)
        if subscription is None:
            return
        room = subscription.room
        self.coalescer.flush_room(room)
        was_live = room.live.pop(connection, None) is not None
        room.subscriber_count -= 1
        for listener in self._listeners:
            listener.on_unsubscribed(subscription, was_live)
        if not room.subscriber_count:
            del self.rooms[room_id]
            for listener in self._listeners:
                listener.on_room_closed(room)

    def evict(self, subscription: Subscription, closed: RoomClosed) -> None:
        """Close the room for a user whose membership has ended, after the event that says so."""
        self.remove_member(subscription.connection, closed.room)
        self.unsubscribe(subscription.connection, closed.room)
        subscription.connection.send(closed)
        for listener in self._listeners:
            listener.on_evicted(subscription.connection, closed)

    def broadcast(self, room: RoomChannel, frame: bytes) -> None:
        """Send an encoded frame to every live subscription."""
        self.coalescer.add(room, frame)

    def broadcast_event(self, room: RoomChannel, frame: EventFrame) -> None:
        """`broadcast` for an event, whose message some users may not see."""
        if frame.is_visible(room.visible_after):
            self.broadcast(room, frame.frame)
            return
        self.coalescer.add_each(
            room, [frame.for_reader(sub.visible_after) for sub in room.live.values()]
        )

    # Members.

    def add_member(self, connection: Connection, room_id: UUID) -> None:
        """The connection's user is a member: what changes in the room is sent to it."""
        if not self.is_member(connection, room_id):
            self.add_memberships(connection, [room_id])

    def add_memberships(self, connection: Connection, rooms: Iterable[UUID]) -> None:
        """`add_member` for a connection that has no rooms yet."""
        if connection not in self.connections:
            return
        for room_id in rooms:
            members = self._members.get(room_id)
            if members is None:
                members = self._members[room_id] = RoomMembers(room_id)
            members.connections[connection] = None
            connection.member_rooms.append(members)

    def remove_member(self, connection: Connection, room_id: UUID) -> None:
        members = self._members.get(room_id)
        if members and connection in members.connections:
            connection.member_rooms.remove(members)
            self._forget_member(members, connection)

    def _forget_member(self, members: RoomMembers, connection: Connection) -> None:
        del members.connections[connection]
        if not members.connections:
            del self._members[members.room_id]

    def is_member(self, connection: Connection, room_id: UUID) -> bool:
        members = self._members.get(room_id)
        return members is not None and connection in members.connections

    def member_connections(self, room_id: UUID) -> Collection[Connection]:
        """Of the room's members, whether or not they have it open."""
        members = self._members.get(room_id)
        return members.connections if members else ()

    def is_large(self, room_id: UUID) -> bool:
        """By the members that are connected here."""
        return len(self.member_connections(room_id)) >= self.limits.large_room_members

    # What `delivery/` and `slow_consumers/` tell the listeners.

    def notify_event(self, event: Publication) -> None:
        for listener in self._listeners:
            listener.on_event(event)

    def notify_delivered(self, room: RoomChannel, event: Publication) -> None:
        for listener in self._listeners:
            listener.on_delivered(room, event)

    def notify_volatile(self, publication: Publication) -> None:
        for listener in self._listeners:
            listener.on_volatile(publication)

    def notify_list_changed(self, room_id: UUID, user: UUID | None = None) -> None:
        for listener in self._listeners:
            listener.on_list_changed(room_id, user)

    def notify_item_changed(self, user: UUID, item: ItemKey) -> None:
        for listener in self._listeners:
            listener.on_item_changed(user, item)

    def notify_late_eviction(self, connection: Connection, room_id: UUID) -> None:
        for listener in self._listeners:
            listener.on_late_eviction(connection, room_id)
