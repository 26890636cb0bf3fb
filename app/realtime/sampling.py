"""Metrics that are read by the clock: states, and counts of what happens too often for more."""

import asyncio

from app.bus.base import Bus
from app.core import metrics
from app.persistence.database import Database
from app.realtime.hub.hub import Hub

INTERVAL_S = 5.0


async def sample_metrics(hub: Hub, database: Database, bus: Bus) -> None:
    """Runs forever."""
    while True:
        sample(hub, database, bus)
        await asyncio.sleep(INTERVAL_S)


def sample(hub: Hub, database: Database, bus: Bus) -> None:
    gaps = (room.stream.gap() for room in hub.rooms.values())
    metrics.SOCKETS.set(len(hub.connections))
    metrics.OPEN_ROOMS.set(len(hub.rooms))
    metrics.STREAM_LAG.set(max((until - after for after, until in filter(None, gaps)), default=0))
    metrics.LAGGING_SOCKETS.set(sum(connection.write_paused for connection in hub.connections))
    metrics.DELIVERIES.inc(hub.coalescer.take_deliveries())
    metrics.flush_buffered()
    metrics.BUS_HEALTHY.set(bus.healthy)
    for name, (in_use, size) in database.connections().items():
        metrics.POOL_IN_USE.labels(name).set(in_use)
        metrics.POOL_SIZE.labels(name).set(size)
