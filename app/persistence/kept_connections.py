"""Connections of a pool that are kept for a moment between two direct reads, or two batches.

SQLAlchemy's checkout and return of a connection take as much CPU as a short query: a greenlet with
a stack of its own, events, and an object for each. Each is kept for a second at most, so that the
pool sees its connections often enough to recycle them. A part of the pool is never kept, and
nothing is while somebody else may wait for a connection.
"""

import asyncio
from dataclasses import dataclass

from sqlalchemy import PoolProxiedConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

MAX_KEPT_S = 1.0
MAX_IDLE_S = 0.5
UNKEPT_SHARE = 4  # a quarter of the pool, and one connection at least


@dataclass(slots=True, eq=False)
class KeptConnection:
    """A connection that is checked out. Times are the loop's."""

    pooled: PoolProxiedConnection
    ends_at: float
    used_at: float = 0.0


class KeptConnections:
    def __init__(self, engine: AsyncEngine) -> None:
        pool = engine.sync_engine.pool
        assert isinstance(pool, QueuePool)
        self._pool = pool
        self._max_idle = pool.size() - max(1, pool.size() // UNKEPT_SHARE)
        self._idle: list[KeptConnection] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> int:
        return len(self._idle)

    def take(self) -> KeptConnection | None:
        """The one that was used last; None if there is none."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            kept = self._idle.pop()
            if now < kept.ends_at:
                return kept
            kept.pooled.close()
        return None

    def give_back(self, kept: KeptConnection) -> None:
        """After a read, or a transaction, that has ended."""
        loop = asyncio.get_running_loop()
        kept.used_at = loop.time()
        is_full = self._is_pool_in_use() or len(self._idle) >= self._max_idle
        if is_full or kept.used_at >= kept.ends_at:
            kept.pooled.close()
            return
        self._idle.append(kept)
        if self._timer is None:
            self._timer = loop.call_later(MAX_IDLE_S, self._end_idle)

    def make_room(self) -> None:
        """Called before a connection is taken from the pool for something else."""
        if self._idle and self._is_pool_in_use():
            self.end_all()

    def end_all(self) -> None:
        """Return all idle connections to the pool."""
        idle, self._idle = self._idle, []
        for kept in idle:
            kept.pooled.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_pool_in_use(self) -> bool:
        """Whether no connection is left in it, so that somebody may be waiting."""
        return self._pool.checkedout() >= self._pool.size()

    def _end_idle(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - MAX_IDLE_S
        for kept in [kept for kept in self._idle if kept.used_at <= oldest]:
            self._idle.remove(kept)
            kept.pooled.close()
        self._timer = loop.call_later(MAX_IDLE_S, self._end_idle) if self._idle else None
