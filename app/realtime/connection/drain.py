"""Draining: before a process ends its connections move to other processes, a few at a time.

uvicorn would close all of them at once, and their clients would reconnect at the same time.
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
# Bounds how far apart slots are: few connections need less than `drain_spread_s`.
CONNECTIONS_PER_S = 100.0

log = structlog.get_logger(__name__)


async def drain(hub: Hub, settings: Server) -> None:
    """Return when no connection is left. New ones must be refused by now (`AppContext.draining`).

    Each connection is sent the time of its slot, in which its client is to move. One that is still
    there `drain_grace_s` later is closed with 4001, after the sends that it has in flight are
    answered. The caller cancels this when it takes too long.
    """
    loop = asyncio.get_running_loop()
    slots = _send_slots(hub, settings)
    if slots:
        log.info("drain.started", connections=len(slots))
    started_at = loop.time()
    while hub.connections:
        await asyncio.sleep(TICK_S)
        hub.coalescer.flush()  # what an ack follows leaves before the close frame
        since_s = loop.time() - started_at - settings.drain_grace_s
        for connection in list(hub.connections):
            if slots.get(connection, 0.0) <= since_s and not connection.in_flight:
                hub.close(connection, CloseCode.DRAINING, DRAIN_REASON)


def _send_slots(hub: Hub, settings: Server) -> dict[Connection, float]:
    """Each connection's slot, in seconds from now. In random order, so that the members of a room
    do not move together."""
    connections = list(hub.connections)
    random.shuffle(connections)
    spread_s = min(settings.drain_spread_s, len(connections) / CONNECTIONS_PER_S)
    slots = {c: n / len(connections) * spread_s for n, c in enumerate(connections)}
    for connection, slot in slots.items():
        connection.send(Draining(in_ms=int(slot * 1000)))
    return slots
