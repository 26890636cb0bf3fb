"""Opening rooms: attach, then read the log, then go live. Nothing is lost or doubled between."""

from collections.abc import Sequence
from uuid import UUID

from app.realtime.delivery.catchup import CatchUp, CatchUpRequest
from app.realtime.hub.connection import Subscription, Connection
from app.realtime.hub.hub import Hub
from app.wire.errors import Busy, ChatError, Invalid, QuotaExceeded
from app.wire.frames import Position, RoomClosed, RoomOpened, error_frame


async def open_rooms(
    hub: Hub,
    connection: Connection,
    positions: Sequence[Position],
    frame_id: str | int | None,
    max_events: int,
) -> None:
    """For each: send `room.opened`, what is missing, then live events; or an error, and then the
    room is not attached. One that is refused does not keep the others closed."""
    if connection not in hub.connections:
        return  # it went during its hello
    most = hub.limits.open_rooms
    rejected: list[tuple[Position, ChatError]] = []
    subscribed: list[tuple[Position, Subscription]] = []
    named: set[UUID] = set()
    for number, position in enumerate(positions):
        if position.room in named:
            rejected.append((position, _duplicate_room_error(number)))
            continue
        named.add(position.room)
        hub.detach(connection, position.room)  # opening again starts again
        if len(connection.subscriptions) < most:
            subscribed.append((position, hub.attach(connection, position.room)))
        else:
            rejected.append((position, _quota_error(most)))
    while subscribed:
        try:
            found = await _read(hub, connection, [position for position, _ in subscribed], max_events)
        except BaseException:
            for position, follower in subscribed:
                _unsubscribe(hub, follower, position.room)
            raise
        again = []
        for (position, follower), catch_up in zip(subscribed, found, strict=True):
            if connection not in hub.connections:
                return  # it went while the log was being read
            if isinstance(catch_up, CatchUp) and connection.subscriptions.get(position.room) is follower:
                if catch_up.gone:
                    max_events -= len(catch_up.frames)
                    _say_farewell(hub, follower, catch_up, frame_id)
                elif hub.begin(follower, catch_up.head):
                    max_events -= len(catch_up.frames)
                    _go_live(hub, follower, catch_up, frame_id)
                else:
                    again.append((position, follower))
                continue
            _unsubscribe(hub, follower, position.room)
            error = catch_up if isinstance(catch_up, ChatError) else _too_busy_error()
            connection.send(error_frame(error, frame_id, position.room))
        subscribed = again
    for position, error in rejected:
        connection.send(error_frame(error, frame_id, position.room))


async def _read(
    hub: Hub, connection: Connection, positions: Sequence[Position], max_events: int
) -> Sequence[CatchUp | ChatError]:
    limits = hub.limits
    wanted = CatchUpRequest(
        connection.actor,
        positions,
        limits.catchup_room,
        max_events,
        limits.buffer_bytes // 4 - connection.unsent_bytes(),
    )
    try:
        return await hub.catchups.ask(wanted)
    except ChatError as error:
        return [error] * len(positions)


def _go_live(hub: Hub, follower: Subscription, catch_up: CatchUp, frame_id: str | int | None) -> None:
    connection, room_id = follower.connection, follower.room.id
    _send_catch_up(connection, room_id, catch_up, frame_id)
    hub.join_audience(connection, room_id)
    hub.go_live(follower, catch_up.head)


def _say_farewell(hub: Hub, follower: Subscription, catch_up: CatchUp, frame_id: str | int | None) -> None:
    """Everything up to the event that put the user out, which ends the room. They may be back since
    then: that shows in the counts."""
    connection, room_id = follower.connection, follower.room.id
    hub.leave_audience(connection, room_id)
    hub.detach(connection, room_id)
    hub.stale[connection, room_id] = None
    _send_catch_up(connection, room_id, catch_up, frame_id)
    connection.send(RoomClosed(room=room_id, reason=catch_up.gone or "removed", seq=catch_up.head))


def _send_catch_up(connection: Connection, room_id: UUID, catch_up: CatchUp, frame_id: str | int | None) -> None:
    connection.send(
        RoomOpened.model_validate(
            {
                "id": frame_id,
                "room": room_id,
                "from": catch_up.since,
                "seq": catch_up.head,
                "state": catch_up.state,
                "resume": catch_up.after if catch_up.state == "limited" else None,
            }
        )
    )
    if catch_up.frames:
        connection.push(b"".join(catch_up.frames))


def _unsubscribe(hub: Hub, follower: Subscription, room_id: UUID) -> None:
    if follower.connection.subscriptions.get(room_id) is follower:
        hub.detach(follower.connection, room_id)


def _too_busy_error() -> ChatError:
    return Busy(
        "Too much happened in the room while it was being opened. Open it again.",
        retry_after_ms=100,
    )


def _quota_error(most: int) -> ChatError:
    return QuotaExceeded(f"A socket has at most {most} open rooms. Close one first.")


def _duplicate_room_error(number: int) -> ChatError:
    path, message = f"rooms.{number}.room", "the frame names this room before, with its `since`"
    return Invalid(f"Not acceptable: {path}: {message}.", [{"path": path, "message": message}])
