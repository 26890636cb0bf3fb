"""Requests that are made at the same time, answered by one query.

A thousand sockets that reconnect at once each need their session, rooms and positions. The first
request is queried at once; those that arrive meanwhile are the next query. An idle process queries
one by one, and a storm costs as many queries as the database answers on one connection, or on two,
if an answer takes long.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from app.wire.errors import Busy, ChatError

Key = TypeVar("Key")
Value = TypeVar("Value")

MAX_WAITING = 20_000
# Most of a query's cost does not depend on its keys, so more concurrent queries would only make
# each of them smaller. The second one starts only if the first takes this long.
MAX_CONCURRENT, SECOND_QUERY_AFTER_S = 2, 0.02
# An iteration of the event loop that takes longer has done work; a query waits for that at most so
# long.
IDLE_ITERATION_S, MAX_GATHER_S = 0.0003, 0.02


class DataLoader(Generic[Key, Value]):
    """`query` returns a value for each key, in their order; a ChatError among the values is raised
    to the caller. It gets keys of at most `max_cost` at a time. If it fails for several keys, each
    is queried alone: a key that cannot be queried does not affect the others."""

    def __init__(
        self,
        query: Callable[[Sequence[Key]], Awaitable[Sequence[Value | ChatError]]],
        max_cost: int,
        cost: Callable[[Key], int] = lambda _: 1,
    ) -> None:
        self._query = query
        self._max_cost, self._cost = max_cost, cost
        self._waiting: deque[tuple[Key, asyncio.Future[Value]]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._second_query: asyncio.TimerHandle | None = None

    async def load(self, key: Key) -> Value:
        """Raises the ChatError that the value is, or what the query raises."""
        if len(self._waiting) >= MAX_WAITING:
            raise Busy("Too many wait for the database. Try again.", retry_after_ms=1000)
        future: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if not self._workers:
            self._start_worker()
        else:
            self._schedule_second_query()
        return await future

    def _schedule_second_query(self) -> None:
        if self._second_query is None and len(self._workers) < MAX_CONCURRENT:
            loop = asyncio.get_running_loop()
            self._second_query = loop.call_later(SECOND_QUERY_AFTER_S, self._start_second_query)

    def _start_second_query(self) -> None:
        self._second_query = None
        if self._waiting:
            self._start_worker()

    def _start_worker(self) -> None:
        self._workers.add(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        """Query until no key waits. A task of its own, because any caller may be cancelled."""
        worker = asyncio.current_task()
        try:
            await _gather_more()
            while batch := self._next_batch():
                await self._load_batch(batch)
                await _gather_more()
        finally:  # without a pause: a caller that arrives in between would wait for ever
            self._workers = {task for task in self._workers if task is not worker}

    def _next_batch(self) -> list[tuple[Key, "asyncio.Future[Value]"]]:
        if self._second_query is not None:
            self._second_query.cancel()
            self._second_query = None
        batch: list[tuple[Key, asyncio.Future[Value]]] = []
        cost = 0
        while self._waiting and cost < self._max_cost:
            key, future = self._waiting.popleft()
            if not future.done():  # else the caller was cancelled
                batch.append((key, future))
                cost += self._cost(key)
        if self._waiting:
            self._schedule_second_query()
        return batch

    async def _load_batch(self, batch: list[tuple[Key, "asyncio.Future[Value]"]]) -> None:
        try:
            values = await self._query([key for key, _ in batch])
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, ChatError) and batch[1:]:
                for single in batch:
                    await self._load_batch([single])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), value in zip(batch, values, strict=True):
            if future.done():
                continue
            if isinstance(value, ChatError):
                future.set_exception(value)
            else:
                future.set_result(value)


async def _gather_more() -> None:
    """Yield until the event loop is idle, so that requests which are already being read join this
    query; in an idle process that is one iteration."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + MAX_GATHER_S
    start = end = clock()
    while end < deadline:
        await asyncio.sleep(0)
        start, end = end, clock()
        if end - start < IDLE_ITERATION_S:
            return
