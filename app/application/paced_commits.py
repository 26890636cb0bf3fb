"""Paces changes that a client makes many times a second: of one key, one commit a second.

Each commit is an event of the user's log and goes to all of the user's devices, which is more than
a draft or a read marker that moves is worth. The first change is committed at once; those that come
within a second after it wait for the end of that second and are one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from app.core.cancellation import cancel_and_wait

INTERVAL_S = 1.0

V = TypeVar("V")
T = TypeVar("T")
Commit = Callable[[V], Awaitable[T]]


class _Queued(Generic[V, T]):
    """Changes that wait; they are answered by one task."""

    def __init__(self, value: V, execute: Commit[V, T]) -> None:
        self.value, self.execute = value, execute
        self.due = asyncio.Event()
        self.task: asyncio.Task[T]


class PacedCommits(Generic[V, T]):
    """`merge` makes one change of one that waits and a later one."""

    def __init__(self, merge: Callable[[V, V], V]) -> None:
        self._merge = merge
        self._next_at: dict[Hashable, float] = {}  # the oldest first
        self._queued: dict[Hashable, _Queued[V, T]] = {}
        # Each is there for as long as a commit has it or waits for it.
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def submit(self, key: Hashable, value: V, commit: Commit[V, T]) -> T:
        """Returns what `commit` does for the change, or for one that it is part of. Of changes that
        are one, the first one's `commit` runs."""
        queued = self._queued.get(key)
        if queued is None:
            wait_s = self._next_at.get(key, 0.0) - _now()
            if wait_s <= 0:
                return await self._run(key, lambda: commit(value))
            queued = self._queued[key] = _Queued(value, commit)
            queued.task = asyncio.create_task(self._run_later(key, queued, wait_s))
            queued.task.add_done_callback(_note_error)
        else:
            queued.value = self._merge(queued.value, value)
        return await asyncio.shield(queued.task)

    async def run_next(self, key: Hashable, commit: Callable[[], Awaitable[T]]) -> T:
        """At once, after the changes that came before it."""
        if queued := self._queued.get(key):
            queued.due.set()
            await asyncio.wait([queued.task])
        return await self._run(key, commit)

    async def close(self) -> None:
        """Commit what waits, within a bounded time."""
        tasks = [queued.task for queued in self._queued.values()]
        for queued in self._queued.values():
            queued.due.set()
        if tasks:
            await asyncio.wait(tasks, timeout=INTERVAL_S)
            await cancel_and_wait(*tasks)

    async def _run_later(self, key: Hashable, queued: _Queued[V, T], wait_s: float) -> T:
        try:
            async with asyncio.timeout(wait_s):
                await queued.due.wait()
        except TimeoutError:
            pass
        del self._queued[key]  # from here on, a change is not part of this one
        return await self._run(key, lambda: queued.execute(queued.value))

    async def _run(self, key: Hashable, commit: Callable[[], Awaitable[T]]) -> T:
        """In the order of the calls: a change is not undone by one before it."""
        self._note(key)
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            return await commit()

    def _note(self, key: Hashable) -> None:
        now = _now()
        while self._next_at and (oldest := next(iter(self._next_at))) != key:
            if self._next_at[oldest] > now:
                break
            del self._next_at[oldest]
        self._next_at.pop(key, None)
        self._next_at[key] = now + INTERVAL_S


def _note_error(task: "asyncio.Task[T]") -> None:
    """Nobody else may look at it: a client that waited for the answer may have gone."""
    if not task.cancelled():
        task.exception()


def _now() -> float:
    return asyncio.get_running_loop().time()
