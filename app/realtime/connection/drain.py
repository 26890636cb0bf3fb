"""Before a process ends: its sockets move elsewhere, a few at a time, and nothing breaks off.

Uvicorn would close all of them at once, and their clients would come back as one crowd.
"""

import asyncio
import random

import structlog

from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.settings import Server
from app.wire.close_codes import CloseCode
from app.wire.frames import Draining

TICK_S = 0.1
DRAIN_REASON = "the server is being stopped: come back and resume"
# Few sockets are quickly gone: the slots are no further apart than this pace needs.
SOCKETS_PER_S = 100.0

log = structlog.get_logger(__name__)


async def drain(hub: Hub, settings: Server) -> None:
    """Returns when no socket is left. New ones must be refused by now (`Context.draining`).

    Each socket is told of its slot, in which its client is to move. One that is still there
    `drain_grace_s` after it is closed with 4001, once the sends that it has in flight are answered.
    How long that may take is up to the caller, who cancels this.
    """
    loop = asyncio.get_running_loop()
    slots = _announce(hub, settings)
    if slots:
        log.info("drain.begun", connections=len(slots))
    begun = loop.time()
    while hub.connections:
        await asyncio.sleep(TICK_S)
        hub.turn.end()  # what an ack follows is on its way before the end
        since = loop.time() - begun - settings.drain_grace_s
        for connection in list(hub.connections):
            if slots.get(connection, 0.0) <= since and not connection.in_flight:
                connection.close(CloseCode.DRAINING, DRAIN_REASON)
                hub.leave(connection)


def _announce(hub: Hub, settings: Server) -> dict[Connection, float]:
    """Each socket's slot, in seconds from now. In no order: neighbours do not move together."""
    connections = list(hub.connections)
    random.shuffle(connections)
    spread_s = min(settings.drain_s, len(connections) / SOCKETS_PER_S)
    slots = {connection: n / len(connections) * spread_s for n, connection in enumerate(connections)}
    for connection, slot in slots.items():
        connection.send(Draining(in_ms=int(slot * 1000)))
    return slots
