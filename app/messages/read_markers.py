"""Paces the read markers that clients move: of one user in one room, one commit a second.

A client that scrolls moves its marker ten times a second. Each move is an event of the user's log
and goes to all of the user's devices, which is more than it is worth. The first move is committed
at once; those that come within a second after it wait for the end of that second and are one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID
from weakref import WeakValueDictionary

from app.core.actor import Actor
from app.core.cancellation import cancel_and_wait
from app.messages.service import mark_read, mark_unread
from app.persistence.database import Database
from app.persistence.repositories.room_lists import RoomListRow
from app.persistence.uow import UnitOfWork

INTERVAL_S = 1.0

Key = tuple[UUID, UUID]  # user and room
UseCase = Callable[[UnitOfWork, Actor, UUID, int], Awaitable[RoomListRow]]


class _Queued:
    """Moves that wait; they are answered by one task."""

    def __init__(self, actor: Actor, room: UUID, seq: int) -> None:
        self.actor, self.room, self.seq = actor, room, seq
        self.due = asyncio.Event()
        self.task: asyncio.Task[RoomListRow]


class ReadMarkerQueue:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._next_at: dict[Key, float] = {}  # the oldest first
        self._queued: dict[Key, _Queued] = {}
        # Each is there for as long as a commit has it or waits for it.
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    async def mark_read(self, actor: Actor, room: UUID, seq: int) -> RoomListRow:
        """Returns the room after COMMIT, with the marker at `seq` or beyond. Raises what
        `service.mark_read` does."""
        key = actor.user, room
        queued = self._queued.get(key)
        if queued is None:
            wait_s = self._next_at.get(key, 0.0) - _now()
            if wait_s <= 0:
                return await self._commit(mark_read, actor, room, seq)
            queued = self._queued[key] = _Queued(actor, room, seq)
            queued.task = asyncio.create_task(self._commit_later(key, queued, wait_s))
            queued.task.add_done_callback(_note_error)
        queued.seq = max(queued.seq, seq)
        return await asyncio.shield(queued.task)

    async def mark_unread(self, actor: Actor, room: UUID, seq: int) -> RoomListRow:
        """At once, after the moves that came before it."""
        key = actor.user, room
        if queued := self._queued.get(key):
            queued.due.set()
            await asyncio.wait([queued.task])
        return await self._commit(mark_unread, actor, room, seq)

    async def close(self) -> None:
        """Commit what waits, within a bounded time."""
        tasks = [queued.task for queued in self._queued.values()]
        for queued in self._queued.values():
            queued.due.set()
        if tasks:
            await asyncio.wait(tasks, timeout=INTERVAL_S)
            await cancel_and_wait(*tasks)

    async def _commit_later(self, key: Key, queued: _Queued, wait_s: float) -> RoomListRow:
        try:
            async with asyncio.timeout(wait_s):
                await queued.due.wait()
        except TimeoutError:
            pass
        del self._queued[key]  # from here on, a move is not part of this one
        return await self._commit(mark_read, queued.actor, queued.room, queued.seq)

    async def _commit(self, use_case: UseCase, actor: Actor, room: UUID, seq: int) -> RoomListRow:
        """In the order of the calls: marking as unread is not undone by a move before it."""
        key = actor.user, room
        self._note(key)
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            return await self._database.transact(use_case, actor, room, seq)

    def _note(self, key: Key) -> None:
        now = _now()
        while self._next_at and (oldest := next(iter(self._next_at))) != key:
            if self._next_at[oldest] > now:
                break
            del self._next_at[oldest]
        self._next_at.pop(key, None)
        self._next_at[key] = now + INTERVAL_S


def _note_error(task: "asyncio.Task[RoomListRow]") -> None:
    """Nobody else may look at it: a client that waited for the answer may have gone."""
    if not task.cancelled():
        task.exception()


def _now() -> float:
    return asyncio.get_running_loop().time()
