"""Opening rooms: subscribe first, then read the log, then go live, so that no event falls between
the two and none comes twice."""

from collections.abc import Sequence
from uuid import UUID

from app.realtime.delivery.catchup import CatchUp, CatchUpRequest
from app.realtime.delivery.delivery import CatchingUp, Delivery
from app.realtime.hub.connection import Connection
from app.wire.client_frames import RoomPosition
from app.wire.errors import Busy, ChatError, Invalid, QuotaExceeded
from app.wire.frames import RoomClosed, RoomOpened, error_frame

FrameId = str | int | None


async def open_rooms(
    delivery: Delivery,
    connection: Connection,
    positions: Sequence[RoomPosition],
    frame_id: FrameId,
    max_events: int,
) -> None:
    """Send `room.opened`, the events since each position, then live events; or an error for a room
    that is refused, which does not keep the others closed."""
    if connection not in delivery.hub.connections:
        return  # closed during its hello
    opening, errors = _subscribe(delivery, connection, positions)
    while opening:
        try:
            results = await _read(delivery, connection, [p for p, _ in opening], max_events)
        except BaseException:
            for _, catching_up in opening:
                _unsubscribe(delivery, catching_up)
            raise
        again = []
        for (position, catching_up), result in zip(opening, results, strict=True):
            if connection not in delivery.hub.connections:
                return  # closed while the log was being read
            if not isinstance(result, CatchUp) or not _is_open(catching_up):
                _unsubscribe(delivery, catching_up)
                error = result if isinstance(result, ChatError) else _too_busy_error()
                connection.send(error_frame(error, frame_id, position.room))
            elif result.close_reason:
                max_events -= len(result.frames)
                _send_ended(delivery, catching_up, result, frame_id)
            elif delivery.start_stream(catching_up, result.head):
                max_events -= len(result.frames)
                _go_live(delivery, catching_up, result, frame_id)
            else:
                again.append((position, catching_up))
        opening = again
    for position, error in errors:
        connection.send(error_frame(error, frame_id, position.room))


def _subscribe(
    delivery: Delivery, connection: Connection, positions: Sequence[RoomPosition]
) -> tuple[list[tuple[RoomPosition, CatchingUp]], list[tuple[RoomPosition, ChatError]]]:
    """The rooms that may be opened, subscribed, and those that may not."""
    max_rooms = delivery.hub.limits.open_rooms
    opening: list[tuple[RoomPosition, CatchingUp]] = []
    errors: list[tuple[RoomPosition, ChatError]] = []
    rooms: set[UUID] = set()
    for number, position in enumerate(positions):
        if position.room in rooms:
            errors.append((position, _duplicate_room_error(number)))
            continue
        rooms.add(position.room)
        delivery.hub.unsubscribe(connection, position.room)  # opening again starts again
        if len(connection.subscriptions) < max_rooms:
            opening.append((position, delivery.subscribe(connection, position.room)))
        else:
            errors.append((position, _quota_error(max_rooms)))
    return opening, errors


async def _read(
    delivery: Delivery, connection: Connection, positions: Sequence[RoomPosition], max_events: int
) -> Sequence[CatchUp | ChatError]:
    limits = delivery.hub.limits
    request = CatchUpRequest(
        connection.actor,
        positions,
        delivery.server_state.last,
        limits.catchup_events_per_room,
        max_events,
        limits.send_buffer_bytes // 4 - connection.unsent_bytes(),
    )
    try:
        return await delivery.catch_up_loader.load(request)
    except ChatError as error:
        return [error] * len(positions)


def _go_live(
    delivery: Delivery, catching_up: CatchingUp, catch_up: CatchUp, frame_id: FrameId
) -> None:
    connection, room_id = catching_up.subscription.connection, catching_up.subscription.room.id
    catching_up.subscription.set_visible_after(catch_up.visible_after)
    _send_catch_up(connection, room_id, catch_up, frame_id)
    delivery.hub.add_member(connection, room_id)
    delivery.go_live(catching_up, catch_up.head)


def _send_ended(
    delivery: Delivery, catching_up: CatchingUp, catch_up: CatchUp, frame_id: FrameId
) -> None:
    """Send everything up to the event that ended the membership, and close the room."""
    connection, room_id = catching_up.subscription.connection, catching_up.subscription.room.id
    closed = RoomClosed(room=room_id, reason=catch_up.close_reason or "removed", seq=catch_up.head)
    _send_catch_up(connection, room_id, catch_up, frame_id)
    delivery.hub.evict(catching_up.subscription, closed)
    delivery.hub.notify_late_eviction(connection, room_id)


def _send_catch_up(
    connection: Connection, room_id: UUID, catch_up: CatchUp, frame_id: FrameId
) -> None:
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
        connection.send_raw(b"".join(catch_up.frames))


def _is_open(catching_up: CatchingUp) -> bool:
    """Whether the room was neither closed nor opened again meanwhile."""
    subscription = catching_up.subscription
    return subscription.connection.subscriptions.get(subscription.room.id) is subscription


def _unsubscribe(delivery: Delivery, catching_up: CatchingUp) -> None:
    if _is_open(catching_up):
        subscription = catching_up.subscription
        delivery.hub.unsubscribe(subscription.connection, subscription.room.id)


def _too_busy_error() -> ChatError:
    return Busy(
        "Too much happened in the room while it was being opened. Open it again.",
        retry_after_ms=100,
    )


def _quota_error(max_rooms: int) -> ChatError:
    return QuotaExceeded(f"A socket has at most {max_rooms} open rooms. Close one first.")


def _duplicate_room_error(number: int) -> ChatError:
    path, message = f"rooms.{number}.room", "the frame names this room before, with its `since`"
    return Invalid(f"Not acceptable: {path}: {message}.", [{"path": path, "message": message}])
