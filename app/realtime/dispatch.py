"""From a frame to its use case, and to the answer."""

from typing import assert_never
from uuid import UUID

import structlog

from app.core.errors import BadFrame, ChatError, Internal, Invalid
from app.messages.schemas import Draft
from app.messages.sending import commit_send
from app.messages.service import mark_read
from app.realtime.catchup import Budget, open_room
from app.realtime.hub import Hub
from app.realtime.protocol import (
    Ack,
    ClientFrame,
    Close,
    Hello,
    MarkRead,
    Open,
    Pong,
    Position,
    RoomClosed,
    SendMessage,
    error_frame,
)
from app.realtime.socket import Socket
from app.web.context import Context

log = structlog.get_logger(__name__)


async def dispatch(context: Context, hub: Hub, socket: Socket, frame: ClientFrame) -> None:
    """Execute one frame. Whatever happens, the socket goes on: a refusal is an error frame."""
    socket.in_flight += 1
    try:
        await _execute(context, hub, socket, frame)
    except ChatError as error:
        socket.send(error_frame(error, frame.id, getattr(frame, "room", None)))
    except Exception:
        log.exception("frame.failed", type=frame.type, user=str(socket.user))
        failed = Internal("The server failed on this frame. Send it again.", retry_after_ms=1000)
        socket.send(error_frame(failed, frame.id))
    finally:
        socket.in_flight -= 1


async def _execute(context: Context, hub: Hub, socket: Socket, frame: ClientFrame) -> None:
    match frame:
        case SendMessage():
            draft = Draft.model_construct(
                nonce=frame.nonce, text=frame.text, reply_to=frame.reply_to
            )
            message, duplicate = await commit_send(context, socket.actor, frame.room, draft)
            socket.send(
                Ack(
                    id=frame.id,
                    room=frame.room,
                    seq=message.seq,
                    at=message.at,
                    duplicate=duplicate,
                )
            )
        case MarkRead():
            badge = await context.database.transact(mark_read, socket.actor, frame.room, frame.seq)
            socket.send(Ack(id=frame.id, room=frame.room, seq=badge.read_seq))
        case Open():
            await open_rooms(hub, socket, frame.rooms, frame.id, hub.limits.catchup_hello)
        case Close():
            for room in frame.rooms:
                hub.detach(socket, room)
                socket.send(RoomClosed(id=frame.id, room=room, reason="closed"))
        case Pong():
            pass  # that anything came is what counts; `Socket.heard_at`
        case Hello():
            raise BadFrame("This socket has said hello already.")
        case _:
            assert_never(frame)


async def open_rooms(
    hub: Hub,
    socket: Socket,
    positions: list[Position],
    frame_id: str | int | None,
    most_events: int,
) -> None:
    """Each answers for itself: one that is refused does not keep the others closed."""
    budget = Budget(most_events)
    named: set[UUID] = set()
    for number, position in enumerate(positions):
        if socket not in hub.sockets:
            return  # it went while the room before this one was being opened
        try:
            if position.room in named:
                raise _named_before(number)
            named.add(position.room)
            await open_room(hub, socket, position, frame_id, budget)
        except ChatError as error:
            socket.send(error_frame(error, frame_id, position.room))


def _named_before(number: int) -> Invalid:
    path, message = f"rooms.{number}.room", "the frame names this room before, with its `since`"
    return Invalid(f"Not acceptable: {path}: {message}.", [{"path": path, "message": message}])
