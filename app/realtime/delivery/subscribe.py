"""Opening rooms: attach, then read the log, then go live. Nothing is lost or doubled between."""

from collections.abc import Sequence
from uuid import UUID

from app.realtime.delivery.catchup import Missed, Wanted
from app.realtime.hub.connection import Follower, Socket
from app.realtime.hub.hub import Hub
from app.wire.errors import Busy, ChatError, Invalid, QuotaExceeded
from app.wire.frames import RoomClosed, RoomOpened, RoomPosition, error_frame


async def open_rooms(
    hub: Hub,
    socket: Socket,
    positions: Sequence[RoomPosition],
    frame_id: str | int | None,
    most_events: int,
) -> None:
    """For each: send `room.opened`, what is missing, then live events; or an error, and then the
    room is not attached. One that is refused does not keep the others closed."""
    if socket not in hub.sockets:
        return  # it went during its hello
    most = hub.limits.open_rooms
    refused: list[tuple[RoomPosition, ChatError]] = []
    attached: list[tuple[RoomPosition, Follower]] = []
    named: set[UUID] = set()
    for number, position in enumerate(positions):
        if position.room in named:
            refused.append((position, _named_before(number)))
            continue
        named.add(position.room)
        hub.detach(socket, position.room)  # opening again starts again
        if len(socket.follows) < most:
            attached.append((position, hub.attach(socket, position.room)))
        else:
            refused.append((position, _too_many(most)))
    while attached:
        try:
            found = await _read(hub, socket, [position for position, _ in attached], most_events)
        except BaseException:
            for position, follower in attached:
                _give_up(hub, follower, position.room)
            raise
        again = []
        for (position, follower), missed in zip(attached, found, strict=True):
            if socket not in hub.sockets:
                return  # it went while the log was being read
            if isinstance(missed, Missed) and socket.follows.get(position.room) is follower:
                if missed.gone:
                    most_events -= len(missed.frames)
                    _say_farewell(hub, follower, missed, frame_id)
                elif hub.begin(follower, missed.head):
                    most_events -= len(missed.frames)
                    _go_live(hub, follower, missed, frame_id)
                else:
                    again.append((position, follower))
                continue
            _give_up(hub, follower, position.room)
            error = missed if isinstance(missed, ChatError) else _overtaken()
            socket.send(error_frame(error, frame_id, position.room))
        attached = again
    for position, error in refused:
        socket.send(error_frame(error, frame_id, position.room))


async def _read(
    hub: Hub, socket: Socket, positions: Sequence[RoomPosition], most_events: int
) -> Sequence[Missed | ChatError]:
    limits = hub.limits
    wanted = Wanted(
        socket.actor,
        positions,
        limits.catchup_events_per_room,
        most_events,
        limits.send_buffer_bytes // 4 - socket.unsent_bytes(),
    )
    try:
        return await hub.catchups.load(wanted)
    except ChatError as error:
        return [error] * len(positions)


def _go_live(hub: Hub, follower: Follower, missed: Missed, frame_id: str | int | None) -> None:
    socket, room_id = follower.socket, follower.room.id
    _send_missed(socket, room_id, missed, frame_id)
    hub.join_audience(socket, room_id)
    hub.go_live(follower, missed.head)


def _say_farewell(hub: Hub, follower: Follower, missed: Missed, frame_id: str | int | None) -> None:
    """Everything up to the event that put the user out, which ends the room. They may be back since
    then: that shows in the counts."""
    socket, room_id = follower.socket, follower.room.id
    hub.leave_audience(socket, room_id)
    hub.detach(socket, room_id)
    hub.stale[socket, room_id] = None
    _send_missed(socket, room_id, missed, frame_id)
    socket.send(RoomClosed(room=room_id, reason=missed.gone or "removed", seq=missed.head))


def _send_missed(socket: Socket, room_id: UUID, missed: Missed, frame_id: str | int | None) -> None:
    socket.send(
        RoomOpened.model_validate(
            {
                "id": frame_id,
                "room": room_id,
                "from": missed.since,
                "seq": missed.head,
                "state": missed.state,
                "resume": missed.after if missed.state == "limited" else None,
            }
        )
    )
    if missed.frames:
        socket.push(b"".join(missed.frames))


def _give_up(hub: Hub, follower: Follower, room_id: UUID) -> None:
    if follower.socket.follows.get(room_id) is follower:
        hub.detach(follower.socket, room_id)


def _overtaken() -> ChatError:
    return Busy(
        "Too much happened in the room while it was being opened. Open it again.",
        retry_after_ms=100,
    )


def _too_many(most: int) -> ChatError:
    return QuotaExceeded(f"A socket has at most {most} open rooms. Close one first.")


def _named_before(number: int) -> ChatError:
    path, message = f"rooms.{number}.room", "the frame names this room before, with its `since`"
    return Invalid(f"Not acceptable: {path}: {message}.", [{"path": path, "message": message}])
