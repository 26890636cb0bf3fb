"""How long a slow connection may stay slow: what is buffered for it is measured every second."""

from collections import deque

import structlog

from app.core import metrics
from app.core.clock import tick
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.settings import Realtime

log = structlog.get_logger(__name__)

TICK_S = 1.0


class SendDelayTracker:
    """How long bytes have waited for one peer since the first sample. Times are seconds during
    which this process was running."""

    def __init__(self, at: float) -> None:
        self._bytes_acked = 0
        self._progress_at = at
        self._write_marks: deque[tuple[float, int]] = deque()  # (time, bytes written by then)

    def sample(self, at: float, written: int, buffered: int) -> None:
        acked = written - buffered
        if acked > self._bytes_acked:
            self._bytes_acked, self._progress_at = acked, at
        while self._write_marks and self._write_marks[0][1] <= acked:
            self._write_marks.popleft()
        if not self._write_marks or self._write_marks[-1][1] < written:
            self._write_marks.append((at, written))

    def age_s(self, at: float) -> float:
        """Age of the oldest unsent byte, accurate to one tick."""
        return at - self._write_marks[0][0]

    def stalled_s(self, at: float) -> float:
        """Time since the peer last took a byte."""
        return at - self._progress_at


async def run_slow_consumer_limits(hub: Hub, settings: Realtime) -> None:
    """Runs forever: disconnects connections that are slow for too long. Keeps no state of those
    for which nothing is buffered."""
    at = 0.0
    trackers: dict[Connection, SendDelayTracker] = {}
    while True:
        # While this process stood still it wrote nothing, so the peer could take nothing.
        at += TICK_S + min(await tick(TICK_S), TICK_S)
        kept = {}
        for connection in list(hub.connections):
            if buffered := connection.buffered_bytes():
                tracker = trackers.get(connection) or SendDelayTracker(at)
                tracker.sample(at, connection.bytes_written(), buffered)
                if reason := _exceeded_limit(hub, settings, tracker, at, buffered):
                    _disconnect(hub, connection, reason, buffered)
                else:
                    kept[connection] = tracker
        trackers = kept


def _exceeded_limit(
    hub: Hub, settings: Realtime, tracker: SendDelayTracker, at: float, buffered: int
) -> str | None:
    if buffered > hub.limits.send_buffer_bytes:
        return "bytes"
    if tracker.age_s(at) > settings.max_send_delay_s:
        return "age"
    if tracker.stalled_s(at) > settings.send_stall_timeout_s:
        return "stall"
    return None


def _disconnect(hub: Hub, connection: Connection, reason: str, buffered: int) -> None:
    user = str(connection.user)
    log.info("connection.slow_disconnected", user=user, reason=reason, buffered_bytes=buffered)
    metrics.DISCONNECTED_SLOW.labels(reason).inc()
    connection.abort_slow()
    hub.unregister(connection)
