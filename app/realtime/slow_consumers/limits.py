"""How long a slow socket may stay slow: what waits for it is looked at every second."""

from collections import deque

import structlog

from app.core.clock import tick
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.settings import Realtime

log = structlog.get_logger(__name__)

TICK_S = 1.0


class SendDelayTracker:
    """What waits for one peer, from when it was first seen to wait. Times are seconds in
    which this process was at work."""

    def __init__(self, at: float) -> None:
        self._bytes_acked = 0
        self._progress_at = at
        self._write_marks: deque[tuple[float, int]] = deque()  # when so many bytes had been written

    def sample(self, at: float, written: int, waiting: int) -> None:
        taken = written - waiting
        if taken > self._bytes_acked:
            self._bytes_acked, self._progress_at = taken, at
        while self._write_marks and self._write_marks[0][1] <= taken:
            self._write_marks.popleft()
        if not self._write_marks or self._write_marks[-1][1] < written:
            self._write_marks.append((at, written))

    def age_s(self, at: float) -> float:
        """How long the oldest byte has waited, give or take a look."""
        return at - self._write_marks[0][0]

    def stalled_s(self, at: float) -> float:
        """How long nothing was taken."""
        return at - self._progress_at


async def run_limits(hub: Hub, settings: Realtime) -> None:
    """Runs for ever. Nothing is kept of a socket for which nothing waits."""
    at = 0.0
    backlogs: dict[Connection, SendDelayTracker] = {}
    while True:
        # Nothing was written while this process stood still, so nothing could be taken.
        at += TICK_S + min(await tick(TICK_S), TICK_S)
        found = {}
        for connection in list(hub.connections):
            if waiting := connection.waiting():
                backlog = backlogs.get(connection) or SendDelayTracker(at)
                backlog.sample(at, connection.written(), waiting)
                if why := _violated_limit(hub, settings, backlog, at, waiting):
                    log.info("socket.slow", user=str(connection.user), why=why, waiting=waiting)
                    connection.drop()
                    hub.leave(connection)
                else:
                    found[connection] = backlog
        backlogs = found


def _violated_limit(
    hub: Hub, settings: Realtime, backlog: SendDelayTracker, at: float, waiting: int
) -> str | None:
    if waiting > hub.limits.buffer_bytes:
        return "bytes"
    if backlog.age_s(at) > settings.slow_age_s:
        return "age"
    if backlog.stalled_s(at) > settings.slow_stall_s:
        return "stall"
    return None
