"""Questions that many ask at the same time, put to the database as one.

A thousand sockets that come back at once each want their own session, rooms and positions. The
first question is asked at once; those that come while it is being answered wait, and are the next
query together. An idle process asks one by one, and a storm costs so many queries as the database
can answer on one connection; on two, where an answer takes long.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from app.persistence.uow import Database, ReadSession
from app.wire.errors import Busy, ChatError

Question = TypeVar("Question")
Answer = TypeVar("Answer")

MOST_WAITING = 20_000
# Queries at the same time, the second for those who have waited so long for the first: more would
# ask for fewer each, and what a query costs beside its rows is most of it.
LANES, SLOW_S = 2, 0.02
# A turn of the loop that takes longer has served somebody; a query waits for that so long at most.
TURN_S, BUSY_S = 0.0003, 0.02


class Together(Generic[Question, Answer]):
    """`query` answers a list of questions, in their order; a ChatError among the answers is raised
    to whoever asked. It is given questions of at most `most` weight at a time. If it fails on many,
    each is asked alone: one that cannot be answered takes no other along."""

    def __init__(
        self,
        database: Database,
        query: Callable[[ReadSession, Sequence[Question]], Awaitable[Sequence[Answer | ChatError]]],
        most: int,
        weight: Callable[[Question], int] = lambda _: 1,
    ) -> None:
        self._database, self._query = database, query
        self._most, self._weight = most, weight
        self._waiting: deque[tuple[Question, asyncio.Future[Answer]]] = deque()
        self._lanes: set[asyncio.Task[None]] = set()
        self._helping: asyncio.TimerHandle | None = None

    async def ask(self, question: Question) -> Answer:
        """Raises what the answer is, or what `Database.read` raises."""
        if len(self._waiting) >= MOST_WAITING:
            raise Busy("Too many wait for the database. Try again.", retry_after_ms=1000)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if not self._lanes:
            self._open_lane()
        else:
            self._call_for_help()
        return await answer

    def _call_for_help(self) -> None:
        """There are some who wait: for a second lane, unless the first takes them soon."""
        if self._helping is None and len(self._lanes) < LANES:
            self._helping = asyncio.get_running_loop().call_later(SLOW_S, self._help)

    def _help(self) -> None:
        self._helping = None
        if self._waiting:
            self._open_lane()

    def _open_lane(self) -> None:
        self._lanes.add(asyncio.create_task(self._ask_all()))

    async def _ask_all(self) -> None:
        """Ends when nobody waits. A task of its own: whoever asked first may go."""
        lane = asyncio.current_task()
        try:
            await _until_idle()
            while batch := self._take():
                await self._ask(batch)
                await _until_idle()
        finally:  # not a turn later: who asks in between would wait for nobody
            self._lanes = {other for other in self._lanes if other is not lane}

    def _take(self) -> list[tuple[Question, "asyncio.Future[Answer]"]]:
        if self._helping is not None:
            self._helping.cancel()
            self._helping = None
        batch: list[tuple[Question, asyncio.Future[Answer]]] = []
        total = 0
        while self._waiting and total < self._most:
            question, answer = self._waiting.popleft()
            if not answer.done():  # else whoever asked has gone
                batch.append((question, answer))
                total += self._weight(question)
        if self._waiting:
            self._call_for_help()
        return batch

    async def _ask(self, batch: list[tuple[Question, "asyncio.Future[Answer]"]]) -> None:
        try:
            found = await self._database.read(self._query, [question for question, _ in batch])
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, ChatError) and batch[1:]:
                for single in batch:
                    await self._ask([single])
                return
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, answer), one in zip(batch, found, strict=True):
            if answer.done():
                continue
            if isinstance(one, ChatError):
                answer.set_exception(one)
            else:
                answer.set_result(one)


async def _until_idle() -> None:
    """Let those be heard first who can be: what they ask is in the same query. Where there is
    nobody, that is one turn of the loop."""
    clock = asyncio.get_running_loop().time
    until = clock() + BUSY_S
    began = ended = clock()
    while ended < until:
        await asyncio.sleep(0)
        began, ended = ended, clock()
        if ended - began < TURN_S:
            return
