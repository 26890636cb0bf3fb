"""Metrics that are read by the clock: states, and counts of what happens too often for more."""

import asyncio

from app.bus.base import Bus
from app.core import metrics
from app.realtime.hub.hub import Hub

EVERY_S = 5.0


async def sample_metrics(hub: Hub, bus: Bus) -> None:
    """Runs for ever."""
    while True:
        sample(hub, bus)
        await asyncio.sleep(EVERY_S)


def sample(hub: Hub, bus: Bus) -> None:
    gaps = (room.stream.gap() for room in hub.rooms.values())
    metrics.SOCKETS.set(len(hub.sockets))
    metrics.OPEN_ROOMS.set(len(hub.rooms))
    metrics.STREAM_LAG.set(max((until - after for after, until in filter(None, gaps)), default=0))
    metrics.LAGGING_SOCKETS.set(sum(socket.pressed for socket in hub.sockets))
    metrics.DELIVERIES.inc(hub.turn.take_deliveries())
    metrics.BUS_HEALTHY.set(bus.healthy)
    for name, (in_use, size) in hub.database.connections().items():
        metrics.POOL_IN_USE.labels(name).set(in_use)
        metrics.POOL_SIZE.labels(name).set(size)
