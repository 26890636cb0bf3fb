"""Heartbeats: pings connections that are silent, and closes those that stay silent."""

import asyncio
import random

from app.core import metrics
from app.core.clock import tick
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.settings import Realtime
from app.wire.close_codes import CloseCode
from app.wire.frames import Ping, RoomHead

TICK_S = 1.0


async def run_heartbeat(hub: Hub, settings: Realtime) -> None:
    """Runs forever. One clock for all connections, which examines only those where something can
    be due."""
    loop = asyncio.get_running_loop()
    number = 0
    while True:
        late_s = await tick(TICK_S)
        metrics.LOOP_DELAY.observe(late_s)
        number += 1
        hub.coalescer.flush()  # events up to the heads of a ping leave before it
        at = loop.time()
        if late_s > TICK_S:
            _excuse_silence(hub, late_s, at)
        for connection in [c for c in hub.connections if c.next_check_at <= at]:
            _check_connection(hub, settings, connection, at, number)


def _excuse_silence(hub: Hub, late_s: float, at: float) -> None:
    """Nothing could be received while this process stood still."""
    for connection in hub.connections:
        connection.last_received_at = min(connection.last_received_at + late_s, at)


def _check_connection(
    hub: Hub, settings: Realtime, connection: Connection, at: float, number: int
) -> None:
    silent_s = at - connection.last_received_at
    if silent_s > settings.idle_timeout_s:
        hub.close(connection, CloseCode.HEARTBEAT, "no sign of life")
        return
    ping_after_s = _ping_after(connection, settings.ping_interval_s)
    if not connection.ping_sent and silent_s > ping_after_s:
        connection.ping_sent = True
        connection.send(Ping(n=number, heads=_heads(connection)))
    # Frames that come before the next check only make the ping due later.
    ping_in_s = ping_after_s if connection.ping_sent else ping_after_s - silent_s
    connection.next_check_at = at + min(ping_in_s, settings.idle_timeout_s - silent_s)


def _ping_after(connection: Connection, ping_interval_s: float) -> float:
    """Ten percent more or less for each connection, so that they do not all answer at once."""
    if not connection.ping_after_s:
        connection.ping_after_s = ping_interval_s * random.uniform(0.9, 1.1)
    return connection.ping_after_s


def _heads(connection: Connection) -> list[RoomHead]:
    return [
        RoomHead(room=subscription.room.id, seq=subscription.room.stream.head)
        for subscription in connection.subscriptions.values()
        if connection in subscription.room.live
    ]
