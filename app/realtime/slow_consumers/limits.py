"""How long a slow socket may stay slow: what waits for it is looked at every second."""

from collections import deque

import structlog

from app.core import metrics
from app.core.clock import tick
from app.realtime.hub.connection import Socket
from app.realtime.hub.hub import Hub
from app.settings import Realtime

log = structlog.get_logger(__name__)

TICK_S = 1.0


class Backlog:
    """What waits for one peer, from when it was first seen to wait. Times are seconds in
    which this process was at work."""

    def __init__(self, at: float) -> None:
        self._taken = 0
        self._progress_at = at
        self._marks: deque[tuple[float, int]] = deque()  # when so many bytes had been written

    def look(self, at: float, written: int, waiting: int) -> None:
        taken = written - waiting
        if taken > self._taken:
            self._taken, self._progress_at = taken, at
        while self._marks and self._marks[0][1] <= taken:
            self._marks.popleft()
        if not self._marks or self._marks[-1][1] < written:
            self._marks.append((at, written))

    def age_s(self, at: float) -> float:
        """How long the oldest byte has waited, give or take a look."""
        return at - self._marks[0][0]

    def stalled_s(self, at: float) -> float:
        """How long nothing was taken."""
        return at - self._progress_at


async def watch_backlogs(hub: Hub, settings: Realtime) -> None:
    """Runs for ever. Nothing is kept of a socket for which nothing waits."""
    at = 0.0
    backlogs: dict[Socket, Backlog] = {}
    while True:
        # Nothing was written while this process stood still, so nothing could be taken.
        at += TICK_S + min(await tick(TICK_S), TICK_S)
        found = {}
        for socket in list(hub.sockets):
            if waiting := socket.waiting():
                backlog = backlogs.get(socket) or Backlog(at)
                backlog.look(at, socket.written(), waiting)
                if why := _too_slow(hub, settings, backlog, at, waiting):
                    metrics.DISCONNECTED_SLOW.labels(why).inc()
                    log.info("socket.slow", user=str(socket.user), why=why, waiting=waiting)
                    socket.drop()
                    hub.leave(socket)
                else:
                    found[socket] = backlog
        backlogs = found


def _too_slow(
    hub: Hub, settings: Realtime, backlog: Backlog, at: float, waiting: int
) -> str | None:
    if waiting > hub.limits.send_buffer_bytes:
        return "bytes"
    if backlog.age_s(at) > settings.max_send_delay_s:
        return "age"
    if backlog.stalled_s(at) > settings.send_stall_timeout_s:
        return "stall"
    return None
