"""From a frame to its use case, and to the answer."""

import asyncio
from typing import assert_never
from uuid import UUID

import structlog

from app.application.app_context import AppContext
from app.core.message_commands import EditRequest
from app.core.rate_limit import PolicyName
from app.messages.send.submit import submit_edit, submit_message, submit_reaction
from app.realtime.connection.history import send_history
from app.realtime.connection.services import ConnectionServices
from app.realtime.delivery.subscribe import open_rooms
from app.realtime.hub.connection import Connection
from app.wire.client_frames import (
    AddReaction,
    ClientFrame,
    Close,
    EditMessage,
    GetHistory,
    Hello,
    MarkRead,
    Open,
    Pong,
    RemoveReaction,
    SendMessage,
    SubscribePresence,
    Typing,
)
from app.wire.errors import BadFrame, ChatError, Internal
from app.wire.frames import Ack, RoomClosed, error_frame

log = structlog.get_logger(__name__)

# What each frame costs its user, beside the connection's credit that every frame costs. Those
# without a cost need no query. `hello` is charged in `handshake.py`.
FRAME_COSTS: dict[type[ClientFrame], tuple[PolicyName, int] | None] = {
    SendMessage: (PolicyName.SENDS, 1),
    EditMessage: (PolicyName.SENDS, 1),
    AddReaction: (PolicyName.SENDS, 1),
    RemoveReaction: (PolicyName.SENDS, 1),
    GetHistory: (PolicyName.READS, 1),
    MarkRead: (PolicyName.WRITES, 1),
    Hello: (PolicyName.READS, 5),
    Open: (PolicyName.READS, 5),
    SubscribePresence: (PolicyName.READS, 5),
    Close: None,
    Typing: None,  # limited by `TypingState.allow`
    Pong: None,
}


async def dispatch(
    context: AppContext, services: ConnectionServices, connection: Connection, frame: ClientFrame
) -> None:
    """Execute one frame. The connection stays open: a refusal or failure is an error frame.

    A `read` may wait for a second (`messages/read_markers.py`): those after it do not wait."""
    connection.in_flight += 1
    run = _run(context, services, connection, frame)
    if isinstance(frame, MarkRead):
        task = asyncio.create_task(run)
        services.tasks.add(task)
        task.add_done_callback(services.tasks.discard)
    else:
        await run


async def _run(
    context: AppContext, services: ConnectionServices, connection: Connection, frame: ClientFrame
) -> None:
    try:
        charge(context, connection.user, frame)
        await _execute(context, services, connection, frame)
    except ChatError as error:
        connection.send(error_frame(error, frame.id, getattr(frame, "room", None)))
    except Exception:
        log.exception("frame.failed", type=frame.type, user=str(connection.user))
        failed = Internal("The server failed on this frame. Send it again.", retry_after_ms=1000)
        connection.send(error_frame(failed, frame.id))
    finally:
        connection.in_flight -= 1


def charge(context: AppContext, user: UUID, frame: ClientFrame) -> None:
    """Without asking other processes. Raises LimitExceeded."""
    cost = FRAME_COSTS[type(frame)]
    if cost:
        context.limiter.spend_local(cost[0], user, cost[1]).enforce()


async def _execute(
    context: AppContext, services: ConnectionServices, connection: Connection, frame: ClientFrame
) -> None:
    match frame:
        case SendMessage():
            connection.send(await _send_message(context, connection, frame))
        case EditMessage():
            edit = EditRequest(connection.actor, frame.room, frame.seq, frame.text, frame.version)
            await submit_edit(context, edit)
            connection.send(Ack(id=frame.id, room=frame.room, seq=frame.seq))
        case AddReaction() | RemoveReaction():
            present = isinstance(frame, AddReaction)
            await submit_reaction(
                context, connection.actor, frame.room, frame.seq, frame.emoji, present=present
            )
            connection.send(Ack(id=frame.id, room=frame.room, seq=frame.seq))
        case GetHistory():
            await send_history(context, connection, frame)
        case MarkRead():
            row = await context.mark_read(connection.actor, frame.room, frame.seq)
            connection.send(Ack(id=frame.id, room=frame.room, seq=row.read_seq))
        case Open():
            max_events = services.hub.limits.catchup_events_per_request
            await open_rooms(services.delivery, connection, frame.rooms, frame.id, max_events)
        case Close():
            for room in frame.rooms:
                services.hub.unsubscribe(connection, room)
                connection.send(RoomClosed(id=frame.id, room=room, reason="closed"))
        case SubscribePresence():
            services.subscribe_presence(connection, frame)
        case Typing():
            await services.publish_typing(connection, frame)
        case Pong():
            pass  # `FrameHandler` has noted that the client is alive
        case Hello():
            raise BadFrame("This socket has said hello already.")
        case _:
            assert_never(frame)


async def _send_message(context: AppContext, connection: Connection, frame: SendMessage) -> Ack:
    message, duplicate = await submit_message(
        context, connection.actor, frame.room, frame.nonce, frame
    )
    return Ack(id=frame.id, room=frame.room, seq=message.seq, at=message.at, duplicate=duplicate)
