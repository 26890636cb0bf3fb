"""The typing indicator: sent to those who have the room open, on every process.

It is volatile: not in the log, and it may be lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from app.bus.base import Bus
from app.core.actor import Actor
from app.core.publications import Publication
from app.persistence.database import Database
from app.persistence.uow import ReadSession
from app.realtime.hub.connection import Connection, RoomChannel
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.realtime.transport.ws_protocol import text_frame
from app.realtime.typing.state import TYPING_TTL_S, TypingState
from app.rooms.access import find_standing, get_member_room, require_permission
from app.rooms.standing import may
from app.wire.client_frames import Typing
from app.wire.domain import Permission
from app.wire.errors import NotFound
from app.wire.events import CLOSE_REASONS, PublicationKind
from app.wire.frames import TypingUsers, encode

TICK_S = 0.25
MEMBER_COUNT_TTL_S = 60.0
_CHANGES_OF_PERMISSIONS = (PublicationKind.MEMBER_CHANGED, PublicationKind.ROOM_CHANGED)


class TypingIndicator(HubListener):
    def __init__(
        self,
        hub: Hub,
        bus: Bus,
        database: Database,
        is_invisible: Callable[[UUID], Awaitable[bool]],
    ) -> None:
        self._hub, self._bus, self._database = hub, bus, database
        self._is_invisible = is_invisible
        self.state = TypingState()
        # By open room: whether it is large and when that was counted; the users of the last update.
        self._large_rooms: dict[RoomChannel, tuple[bool, float]] = {}
        self._last_typing_users: dict[RoomChannel, list[UUID]] = {}
        # By open room: users who may write there, until an event may have changed that.
        self._writers: dict[RoomChannel, set[UUID]] = {}

    async def publish(self, connection: Connection, frame: Typing) -> None:
        """Publish that the user is typing. Does nothing if that is too soon, if the room is large,
        if the user is invisible, or before it is live. Raises NotFound, and Forbidden for who may
        write nothing there.

        Where the room is live its user is a member, as far as the room's stream has come. Processes
        whose stream is not as far drop the publication, so that users who were removed before do
        not see it.
        """
        room_id = frame.room
        if room_id not in connection.subscriptions:
            raise NotFound("This room is not open on this socket. Open it first.")
        now = asyncio.get_running_loop().time()
        if not self.state.allow(room_id, connection.user, now, self._hub.limits.typing_interval_s):
            return
        room = connection.subscriptions[room_id].room
        if await self._is_large(room):
            return
        await self._require_writer(room, connection.actor)
        if await self._is_invisible(connection.user):
            return
        subscription = connection.subscriptions.get(room_id)
        if subscription and connection in subscription.room.live:
            head = subscription.room.stream.head
            self._bus.publish_volatile(
                [Publication(PublicationKind.TYPING, room_id, head, connection.user)]
            )

    async def _require_writer(self, room: RoomChannel, actor: Actor) -> None:
        """Who may not write is asked for again each time: a time-out ends without an event."""
        writers = self._writers.setdefault(room, set())
        if actor.user not in writers:
            await self._database.read(_require_writer, actor, room.id)
            writers.add(actor.user)  # of no use if an event has replaced the set meanwhile

    async def _is_large(self, room: RoomChannel) -> bool:
        """By all members, who are counted once a minute while someone types."""
        now = asyncio.get_running_loop().time()
        is_large, counted_at = self._large_rooms.get(room, (False, None))
        if counted_at is None or now - counted_at >= MEMBER_COUNT_TTL_S:
            is_large = await self._database.read(
                _reaches, room.id, self._hub.limits.large_room_members
            )
            if self._hub.rooms.get(room.id) is room:
                self._large_rooms[room] = (is_large, now)
        return is_large

    def on_volatile(self, publication: Publication) -> None:
        """Dropped while the stream is behind the room as it was when this was published: users who
        were removed by then may still be subscribed here."""
        if publication.kind is PublicationKind.TYPING:
            room = self._hub.rooms.get(publication.channel)
            if room and publication.seq <= room.stream.head:
                at = asyncio.get_running_loop().time()
                self.state.start(room.id, publication.user, publication.seq, at)
        elif publication.kind is PublicationKind.VISIBILITY:
            self._writers.clear()  # also after a block, of which the log of the room has no event

    def on_delivered(self, room: RoomChannel, event: Publication) -> None:
        if event.kind is PublicationKind.MESSAGE:
            self.state.stop(room.id, event.user)
        elif event.kind in _CHANGES_OF_PERMISSIONS:
            self._writers.pop(room, None)
            if event.kind is PublicationKind.MEMBER_CHANGED:
                self.state.stop(room.id, event.user)
        elif event.kind in CLOSE_REASONS:
            self._writers.pop(room, None)
            at = asyncio.get_running_loop().time()
            self.state.remove(room.id, event.user, event.seq, at)

    def on_room_closed(self, room: RoomChannel) -> None:
        self._large_rooms.pop(room, None)
        self._last_typing_users.pop(room, None)
        self._writers.pop(room, None)

    async def run_updates(self) -> None:
        """Runs forever: sends each open room who is typing in it, when that has changed."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(TICK_S)
            self.state.expire(clock())
            for room_id in list(self.state.update_due):
                room = self._hub.rooms.get(room_id)
                if room:
                    self._send_update(room, self.state.typing_users(room_id))
                    self.state.update_due.discard(room_id)
                else:
                    self.state.forget(room_id)

    def _send_update(self, room: RoomChannel, typing: list[UUID]) -> None:
        """Each user is sent the others; nothing, if neither this update nor the last names any."""
        before = self._last_typing_users.get(room, [])
        self._last_typing_users[room] = typing
        frame = _encode_update(room.id, typing)
        for connection in room.live:
            user = connection.user
            if user not in typing and user not in before:
                connection.send_volatile(frame)
            elif rest := [typist for typist in typing if typist != user]:
                connection.send_volatile(_encode_update(room.id, rest))
            elif any(typist != user for typist in before):
                connection.send_volatile(_encode_update(room.id, []))


async def _reaches(reads: ReadSession, room_id: UUID, count: int) -> bool:
    return await reads.members.has_at_least_members(room_id, count)


async def _require_writer(reads: ReadSession, actor: Actor, room_id: UUID) -> None:
    """Raises NotFound, Forbidden."""
    room, member = await get_member_room(reads, actor, room_id)
    standing = find_standing(room, member, actor)
    if standing.blocked_by or not may(Permission.SEND_IN_THREADS, standing):
        require_permission(Permission.SEND, room, member, actor)


def _encode_update(room: UUID, users: list[UUID]) -> bytes:
    ttl_ms = int(TYPING_TTL_S * 1000)
    return text_frame(encode(TypingUsers(room=room, users=users, ttl_ms=ttl_ms)))
