"""Questions that many ask at the same time, put to the database as one.

A thousand sockets that come back at once each want their own session, rooms and positions. The
first questions are asked at once; those that come while these are being answered wait, and are the
next query together. Nobody waits for a timer, an idle process asks one by one, and a storm costs so
many queries as the database can answer on two connections.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from app.core.errors import Busy, ChatError
from app.persistence.uow import Database, Reader

Question = TypeVar("Question")
Answer = TypeVar("Answer")

MOST_WAITING = 20_000
# Queries at the same time: one that takes long does not stop the others.
LANES = 2


class Together(Generic[Question, Answer]):
    """`query` answers a list of questions, in their order; a ChatError among the answers is raised
    to whoever asked. It is given questions of at most `most` weight at a time."""

    def __init__(
        self,
        database: Database,
        query: Callable[[Reader, Sequence[Question]], Awaitable[Sequence[Answer | ChatError]]],
        most: int,
        weight: Callable[[Question], int] = lambda _: 1,
    ) -> None:
        self._database, self._query = database, query
        self._most, self._weight = most, weight
        self._waiting: deque[tuple[Question, asyncio.Future[Answer]]] = deque()
        self._lanes: set[asyncio.Task[None]] = set()

    async def ask(self, question: Question) -> Answer:
        """Raises what the answer is, or what `Database.read` raises."""
        if len(self._waiting) >= MOST_WAITING:
            raise Busy("Too many wait for the database. Try again.", retry_after_ms=1000)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if len(self._lanes) < LANES:
            lane = asyncio.create_task(self._ask_all())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return await answer

    async def _ask_all(self) -> None:
        """Ends when nobody waits. A task of its own: whoever asked first may go."""
        while batch := self._take():
            await self._ask(batch)

    def _take(self) -> list[tuple[Question, "asyncio.Future[Answer]"]]:
        batch: list[tuple[Question, asyncio.Future[Answer]]] = []
        total = 0
        while self._waiting and total < self._most:
            question, answer = self._waiting.popleft()
            if not answer.done():  # else whoever asked has gone
                batch.append((question, answer))
                total += self._weight(question)
        return batch

    async def _ask(self, batch: list[tuple[Question, "asyncio.Future[Answer]"]]) -> None:
        try:
            found = await self._database.read(self._query, [question for question, _ in batch])
        except BaseException as error:
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
