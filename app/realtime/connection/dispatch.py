"""From a frame to its use case, and to the answer."""

from typing import assert_never
from uuid import UUID

import structlog

from app.application.app_context import Context
from app.core.rate_limit import PolicyName
from app.messages.send.submit import commit_send
from app.messages.service import mark_read
from app.realtime.delivery.subscribe import open_rooms
from app.realtime.hub.connection import Connection
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
    Typing,
    Watch,
    error_frame,
)
from app.wire.schemas.messages import Draft

log = structlog.get_logger(__name__)

# What each frame costs its user, beside the socket's credit that every frame costs. Those without
# a cost ask nothing of the database. `hello` pays in `handshake.py`.
FRAME_COSTS: dict[type[ClientFrame], tuple[PolicyName, int] | None] = {
    SendMessage: (PolicyName.SENDS, 1),
    MarkRead: (PolicyName.WRITES, 1),
    Hello: (PolicyName.READS, 5),
    Open: (PolicyName.READS, 5),
    Watch: (PolicyName.READS, 5),
    Close: None,
    Typing: None,  # once in a while per room, see `TypingState`
    Pong: None,
}


async def dispatch(context: Context, hub: Hub, connection: Connection, frame: ClientFrame) -> None:
    """Execute one frame. Whatever happens, the socket goes on: a refusal is an error frame."""
    connection.in_flight += 1
    try:
        charge(context, connection.user, frame)
        await _execute(context, hub, connection, frame)
    except ChatError as error:
        connection.send(error_frame(error, frame.id, getattr(frame, "room", None)))
    except Exception:
        log.exception("frame.failed", type=frame.type, user=str(connection.user))
        failed = Internal("The server failed on this frame. Send it again.", retry_after_ms=1000)
        connection.send(error_frame(failed, frame.id))
    finally:
        connection.in_flight -= 1


def charge(context: Context, user: UUID, frame: ClientFrame) -> None:
    """Without asking other processes. Raises LimitExceeded."""
    cost = FRAME_COSTS[type(frame)]
    if cost:
        context.limiter.take(cost[0], user, cost[1]).enforce()


async def _execute(context: Context, hub: Hub, connection: Connection, frame: ClientFrame) -> None:
    match frame:
        case SendMessage():
            draft = Draft.model_construct(
                nonce=frame.nonce, text=frame.text, reply_to=frame.reply_to
            )
            message, duplicate = await commit_send(context, connection.actor, frame.room, draft)
            connection.send(
                Ack(
                    id=frame.id,
                    room=frame.room,
                    seq=message.seq,
                    at=message.at,
                    duplicate=duplicate,
                )
            )
        case MarkRead():
            badge = await context.database.transact(mark_read, connection.actor, frame.room, frame.seq)
            connection.send(Ack(id=frame.id, room=frame.room, seq=badge.read_seq))
        case Open():
            await open_rooms(hub, connection, frame.rooms, frame.id, hub.limits.catchup_hello)
        case Close():
            for room in frame.rooms:
                hub.detach(connection, room)
                connection.send(RoomClosed(id=frame.id, room=room, reason="closed"))
        case Watch():
            watch(hub, connection, frame)
        case Typing():
            await say_typing(hub, context.bus, connection, frame.room)
        case Pong():
            pass  # that anything came is what counts; `Connection.last_received_at`
        case Hello():
            raise BadFrame("This socket has said hello already.")
        case _:
            assert_never(frame)
