"""Before a process ends: its sockets move elsewhere, a few at a time, and nothing breaks off.

Uvicorn would close all of them at once, and their clients would come back as one crowd.
"""

import asyncio
import random

import structlog

from app.realtime.hub.connection import Socket
from app.realtime.hub.hub import Hub
from app.settings import Server
from app.wire.close_codes import CloseCode
from app.wire.frames import Draining

SLICE_S = 0.1
MOVE = "the server is being stopped: come back and resume"
# Few sockets are quickly gone: the slots are no further apart than this pace needs.
SOCKETS_PER_S = 100.0

log = structlog.get_logger(__name__)


async def drain(hub: Hub, settings: Server) -> None:
    """Returns when no socket is left. New ones must be refused by now (`AppContext.draining`).

    Each socket is told of its slot, in which its client is to move. One that is still there
    `drain_grace_s` after it is closed with 4001, once the sends that it has in flight are answered.
    How long that may take is up to the caller, who cancels this.
    """
    loop = asyncio.get_running_loop()
    slots = _announce(hub, settings)
    if slots:
        log.info("drain.begun", sockets=len(slots))
    begun = loop.time()
    while hub.sockets:
        await asyncio.sleep(SLICE_S)
        hub.turn.end()  # what an ack follows is on its way before the end
        since = loop.time() - begun - settings.drain_grace_s
        for socket in list(hub.sockets):
            if slots.get(socket, 0.0) <= since and not socket.in_flight:
                socket.close(CloseCode.DRAINING, MOVE)
                hub.leave(socket)


def _announce(hub: Hub, settings: Server) -> dict[Socket, float]:
    """Each socket's slot, in seconds from now. In no order: neighbours do not move together."""
    sockets = list(hub.sockets)
    random.shuffle(sockets)
    spread_s = min(settings.drain_spread_s, len(sockets) / SOCKETS_PER_S)
    slots = {socket: n / len(sockets) * spread_s for n, socket in enumerate(sockets)}
    for socket, slot in slots.items():
        socket.send(Draining(in_ms=int(slot * 1000)))
    return slots
