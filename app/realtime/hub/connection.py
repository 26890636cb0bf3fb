"""A connection, a room that is open in this process, and the subscription that ties them: the state
that the hub moves."""

from collections.abc import Callable
from uuid import UUID

from pydantic import BaseModel

from app.core.actor import Actor
from app.core.publications import Publication
from app.realtime.hub.room_stream import RoomStream
from app.realtime.transport.ws_protocol import ChatWebSocketProtocol, text_frame
from app.wire.close_codes import CloseCode
from app.wire.events import CLOSE_REASONS, PublicationKind
from app.wire.frames import RoomClosed, encode

# A connection with more unread bytes than this gets no volatile frames.
VOLATILE_THRESHOLD_BYTES = 16 * 1024


class Connection:
    """A WebSocket after its `hello`.

    Frames collect in `pending` and leave in one write (`write_coalescer.py`)."""

    __slots__ = (
        "_schedule",
        "_writer",
        "actor",
        "connected_at",
        "expires_at",
        "in_flight",
        "last_received_at",
        "member_rooms",
        "next_check_at",
        "pending",
        "ping_after_s",
        "ping_sent",
        "room_list_sent",
        "subscriptions",
        "write_paused",
    )

    def __init__(
        self,
        writer: ChatWebSocketProtocol,
        actor: Actor,
        connected_at: float,
        schedule: Callable[["Connection"], None],
    ) -> None:
        self._writer = writer
        self._schedule = schedule  # has `flush` called
        self.actor = actor
        self.expires_at = actor.expires_at  # of the session; later than the actor's once renewed
        self.subscriptions: dict[UUID, Subscription] = {}  # by room
        self.member_rooms: list[RoomMembers] = []
        self.room_list_sent = False
        self.pending: list[bytes] = []
        self.connected_at = self.last_received_at = connected_at  # times of the loop, in seconds
        self.next_check_at = 0.0  # before this, `heartbeat.py` has nothing to do
        self.ping_after_s = 0.0
        self.ping_sent = False
        self.in_flight = 0  # frames of the client that are being executed
        self.write_paused = False  # the peer reads more slowly than we write

    @property
    def user(self) -> UUID:
        return self.actor.user

    def send(self, frame: BaseModel) -> None:
        self.send_raw(text_frame(encode(frame)))

    def send_raw(self, frames: bytes) -> None:
        """Send encoded WebSocket frames."""
        self.pending.append(frames)
        self._schedule(self)

    def send_volatile(self, frames: bytes) -> bool:
        """Send encoded frames that may be lost, unless the peer is behind with reading. Returns
        whether they were sent."""
        if self._writer.buffered_bytes() > VOLATILE_THRESHOLD_BYTES:
            return False
        self.send_raw(frames)
        return True

    def unsent_bytes(self) -> int:
        """Bytes that the kernel has not accepted, those that are pending here included."""
        return sum(map(len, self.pending)) + self._writer.buffered_bytes()

    def buffered_bytes(self) -> int:
        """Bytes that were written and that the kernel has not accepted."""
        return self._writer.buffered_bytes()

    def bytes_written(self) -> int:
        """Since the connection was opened."""
        return self._writer.bytes_written

    def set_backpressure_callback(
        self, high_water: int, callback: Callable[["Connection", bool], None]
    ) -> None:
        """Call `callback(self, True)` when more than `high_water` bytes are buffered, and with
        False when they have fallen to a quarter of it."""
        self._writer.set_backpressure_callback(high_water, lambda paused: callback(self, paused))

    def clear_backpressure_callback(self) -> None:
        self._writer.clear_backpressure_callback()

    def flush(self, max_buffered: int) -> None:
        """Write what is pending. Disconnects a peer that leaves more than `max_buffered` unread."""
        if self.pending:
            self._writer.write_frames(b"".join(self.pending))
            self.pending.clear()
            if self.write_paused and self._writer.buffered_bytes() > max_buffered:
                self.abort_slow()

    def abort_slow(self) -> None:
        """Disconnect a peer that is too slow; it will resume. Not with `close`, whose frame would
        be queued behind everything that the peer has not read."""
        self._writer.send_close(CloseCode.SLOW, "too slow: come back and resume")
        self._writer.abort()

    def close(self, code: CloseCode, reason: str) -> None:
        """Flush, then send a close frame; nothing is written afterwards."""
        if self.pending:
            self._writer.write_frames(b"".join(self.pending))
            self.pending.clear()
        self._writer.send_close(code, reason)

    def close_sent(self) -> tuple[int, str] | None:
        """Code and reason of our close frame, which echoes the peer's if that came first."""
        return self._writer.closed_with()


class RoomMembers:
    """The connections of a room's members, whether or not they have it open."""

    __slots__ = ("connections", "room_id")

    def __init__(self, room_id: UUID) -> None:
        self.room_id = room_id
        # A small dictionary has half the size of a small set.
        self.connections: dict[Connection, None] = {}


class RoomChannel:
    """A room that is open on at least one connection of this process.

    Subscriptions in `live` get every event as it is delivered. The others are catching up
    (`delivery/`) or lagging (`slow_consumers/`).
    """

    __slots__ = (
        "id",
        "live",
        "opened_seq",
        "pending",
        "stream",
        "subscriber_count",
        "visible_after",
    )

    def __init__(self, room_id: UUID) -> None:
        self.id = room_id
        self.stream = RoomStream()
        self.subscriber_count = 0
        self.live: dict[Connection, Subscription] = {}
        self.pending: list[bytes] = []  # frames for `live`, until they are flushed
        # At least one subscription may see only what is above this seq, and none less; 0: all see
        # everything. Members who joined up to `opened_seq` see everything since then.
        self.visible_after = self.opened_seq = 0


class Subscription:
    """One open room of one connection. What belongs to one of its states is kept there."""

    __slots__ = ("_visible_after", "connection", "listed_seq", "room")

    def __init__(self, connection: Connection, room: RoomChannel) -> None:
        self.connection, self.room = connection, room
        self.listed_seq = 0  # the head in the last entry that the connection got while it was open
        self._visible_after = 0

    @property
    def visible_after(self) -> int:
        """Its user may see messages above this seq."""
        return self._visible_after if self._visible_after > self.room.opened_seq else 0

    def set_visible_after(self, seq: int) -> None:
        self._visible_after = seq
        self.room.visible_after = max(self.room.visible_after, seq)


def closed_frame(event: Publication) -> RoomClosed | None:
    """What ends the room for those whose membership an event ends (`ends_for`)."""
    reason = CLOSE_REASONS.get(event.kind)
    return RoomClosed(room=event.channel, reason=reason, seq=event.seq) if reason else None


def ends_for(event: Publication, connection: Connection) -> bool:
    """Whether an event that ends memberships ends that of the connection's user."""
    return event.kind is PublicationKind.ROOM_DELETED or event.user == connection.user
