"""From a frame to its use case, and to the answer."""

from typing import assert_never
from uuid import UUID

import structlog

from app.application.app_context import AppContext
from app.core.rate_limit import PolicyName
from app.messages.send.submit import submit_message
from app.messages.service import mark_read
from app.realtime.delivery.subscribe import open_rooms
from app.realtime.hub.connection import Socket
from app.realtime.hub.hub import Hub
from app.realtime.presence.worker import watch
from app.realtime.typing.indicator import say_typing
from app.wire.errors import BadFrame, ChatError, Internal
from app.wire.frames import (
    Ack,
    ClientFrame,
    Close,
    Hello,
    MarkRead,
    Open,
    Pong,
    RoomClosed,
    SendMessage,
    SubscribePresence,
    Typing,
    error_frame,
)

log = structlog.get_logger(__name__)

# What each frame costs its user, beside the socket's credit that every frame costs. Those without
# a cost ask nothing of the database. `hello` pays in `handshake.py`.
FRAME_COSTS: dict[type[ClientFrame], tuple[PolicyName, int] | None] = {
    SendMessage: (PolicyName.SENDS, 1),
    MarkRead: (PolicyName.WRITES, 1),
    Hello: (PolicyName.READS, 5),
    Open: (PolicyName.READS, 5),
    SubscribePresence: (PolicyName.READS, 5),
    Close: None,
    Typing: None,  # once in a while per room, see `Typists`
    Pong: None,
}


async def dispatch(context: AppContext, hub: Hub, socket: Socket, frame: ClientFrame) -> None:
    """Execute one frame. Whatever happens, the socket goes on: a refusal is an error frame."""
    socket.in_flight += 1
    try:
        charge(context, socket.user, frame)
        await _execute(context, hub, socket, frame)
    except ChatError as error:
        socket.send(error_frame(error, frame.id, getattr(frame, "room", None)))
    except Exception:
        log.exception("frame.failed", type=frame.type, user=str(socket.user))
        failed = Internal("The server failed on this frame. Send it again.", retry_after_ms=1000)
        socket.send(error_frame(failed, frame.id))
    finally:
        socket.in_flight -= 1


def charge(context: AppContext, user: UUID, frame: ClientFrame) -> None:
    """Without asking other processes. Raises LimitExceeded."""
    cost = FRAME_COSTS[type(frame)]
    if cost:
        context.limiter.spend_local(cost[0], user, cost[1]).enforce()


async def _execute(context: AppContext, hub: Hub, socket: Socket, frame: ClientFrame) -> None:
    match frame:
        case SendMessage():
            message, duplicate = await submit_message(
                context, socket.actor, frame.room, frame.nonce, frame
            )
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
            await open_rooms(
                hub, socket, frame.rooms, frame.id, hub.limits.catchup_events_per_request
            )
        case Close():
            for room in frame.rooms:
                hub.detach(socket, room)
                socket.send(RoomClosed(id=frame.id, room=room, reason="closed"))
        case SubscribePresence():
            watch(hub, socket, frame)
        case Typing():
            await say_typing(hub, context.bus, socket, frame.room)
        case Pong():
            pass  # that anything came is what counts; `Socket.heard_at`
        case Hello():
            raise BadFrame("This socket has said hello already.")
        case _:
            assert_never(frame)
