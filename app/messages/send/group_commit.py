"""Group commit: the sends that wait in this process share one unit of work.

What a durable send costs is mostly the round trips and the COMMIT, and these are the same for one
and for two hundred. Nothing waits for company: a send that comes while a lane is free goes at once,
and those that come while it is being committed are the next batch.

Whatever becomes of a batch, each send gets its own answer: the one that it would get alone.
"""

import asyncio
import contextvars
from collections.abc import Iterable, Sequence
from contextlib import suppress
from uuid import UUID

import structlog

from app.core import metrics
from app.core.send_request import Send, Sent
from app.messages.send.batch import send_all
from app.messages.send.fair_queue import Turns
from app.messages.send.pending_send import Waiting
from app.messages.send.submit import send_alone
from app.persistence.uow import Database
from app.wire.errors import Busy, ChatError, UnknownOutcome

BATCH = 256  # sends in one unit of work
BATCH_CHARS = 250_000  # of their texts: far below max_allowed_packet, escaped and all
UNANSWERED = 4096  # sends; more are told `busy`
PATIENCE_S = 10.0  # how long a send waits for its turn before it is told so, too
DETOURS = 4  # batches that wait for rooms of others, or go one by one, at the same time
CLOSE_S = 10.0

log = structlog.get_logger(__name__)


class Committer:
    """`lanes`: batches that are committed at the same time, each of other rooms."""

    def __init__(self, database: Database, lanes: int) -> None:
        self._database = database
        self._free = lanes
        self._turns = Turns()
        self._unanswered = 0
        self._quiet = asyncio.Event()  # nobody is without an answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._detours = asyncio.Semaphore(DETOURS)
        self._scheduled = False  # `_start` is
        self._watch: asyncio.TimerHandle | None = None
        self._closing = False

    async def send(self, send: Send) -> Sent:
        """Returns after COMMIT. Raises what `service.send` does, Busy (nothing was done), or
        UnknownOutcome. Whoever stops waiting for it takes nothing from the others."""
        if self._closing or self._unanswered >= UNANSWERED:
            raise _busy()
        loop = asyncio.get_running_loop()
        waiting = Waiting(send, loop.create_future(), loop.time() + PATIENCE_S)
        self._unanswered += 1
        self._quiet.clear()
        self._turns.put(waiting)
        self._wake()
        if self._watch is None:
            self._watch = loop.call_later(1.0, self._expire)
        return await waiting.answer

    async def close(self) -> None:
        """Take no more sends, and finish those that are here, within a bounded time."""
        self._closing = True
        if self._unanswered:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), CLOSE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._refuse(list(self._turns))
        if self._watch:
            self._watch.cancel()

    def _wake(self) -> None:
        """Start what can start at the end of this turn of the loop: what it brings is together."""
        if self._free and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        self._scheduled = False
        while self._free and (batch := self._turns.take(BATCH, BATCH_CHARS)):
            self._free -= 1
            # In a context of its own: it is not the request of whoever happened to come first.
            task = asyncio.create_task(self._commit(batch), context=contextvars.Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _commit(self, batch: list[Waiting]) -> None:
        """Everybody in the batch has an answer in the end, whatever happens."""
        try:
            try:
                left = await self._together(batch, wait=False)
            finally:
                self._free += 1
                self._wake()
            self._finish(batch, but=left)
            if left:
                await self._detour([waiting for waiting in batch if not waiting.over])
        finally:
            self._finish(batch)

    async def _together(self, batch: list[Waiting], *, wait: bool) -> list[Waiting]:
        """Commit a batch. Returns those that have no answer yet: their rooms are somebody else's
        at the moment, or the database does not take the batch as a whole."""
        batch = [waiting for waiting in batch if not waiting.answered]
        if not batch:
            return []
        metrics.BATCH_SIZE.observe(len(batch))
        try:
            with metrics.BATCH_SECONDS.time():
                outcomes = await self._database.settle(
                    send_all, [waiting.send for waiting in batch], wait=wait
                )
        except UnknownOutcome as error:
            for waiting in batch:
                waiting.fail(UnknownOutcome(error.detail))
            return []
        except Exception as error:  # noqa: BLE001 - raised where it is waited for, or tried alone
            if len(batch) > 1:
                log.warning("sends.batch_failed", size=len(batch), error=repr(error))
                return batch
            for waiting in batch:
                waiting.fail(error)
            return []
        left = []
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if outcome is None:
                left.append(waiting)
            elif isinstance(outcome, ChatError):
                waiting.fail(outcome)
            else:
                waiting.succeed(outcome)
        return left

    async def _detour(self, batch: list[Waiting]) -> None:
        """Wait for their rooms, together. If that fails, each room goes for itself, one by one:
        then whoever fails is the one whose fault it is."""
        async with self._detours:
            left = await self._together(self._patient(batch), wait=True)
        self._finish(batch, but=left)
        rooms: dict[UUID, list[Waiting]] = {}
        for waiting in batch:
            if not waiting.over:
                rooms.setdefault(waiting.send.room, []).append(waiting)
        await asyncio.gather(*map(self._one_by_one, rooms.values()))

    async def _one_by_one(self, line: list[Waiting]) -> None:
        """Of one room. When one is told `busy`, so are those after it: they must not overtake."""
        async with self._detours:
            for waiting in line:
                if not self._patient([waiting]):
                    continue
                try:
                    waiting.succeed(await send_alone(self._database, waiting.send))
                except Busy as error:
                    for other in line:
                        other.fail(Busy(error.detail, retry_after_ms=error.retry_after_ms))
                except Exception as error:  # noqa: BLE001 - raised where it is waited for
                    waiting.fail(error)
        self._finish(line)

    def _patient(self, some: Iterable[Waiting]) -> list[Waiting]:
        """Those that may wait longer and want to; the others are answered."""
        now = asyncio.get_running_loop().time()
        patient = []
        for waiting in some:
            if waiting.until <= now:
                waiting.fail(_busy())
            if not waiting.answered:
                patient.append(waiting)
        return patient

    def _finish(self, done: list[Waiting], *, but: Sequence[Waiting] = ()) -> None:
        """These are answered, and their rooms may go on, except the rooms of some."""
        held = {waiting.send.room for waiting in but}
        over = [w for w in done if not w.over and w.send.room not in held]
        for waiting in over:
            waiting.over = True
            waiting.fail(UnknownOutcome("The server stopped in the middle of it. Repeat it."))
        self._turns.release({waiting.send.room for waiting in over})
        self._forget(len(over))
        self._wake()

    def _refuse(self, some: Sequence[Waiting]) -> None:
        """They never had their turn."""
        self._turns.drop(some)
        for waiting in some:
            waiting.fail(_busy())
        self._forget(len(some))

    def _forget(self, count: int) -> None:
        self._unanswered -= count
        if not self._unanswered:
            self._quiet.set()

    def _expire(self) -> None:
        """Once a second while somebody waits."""
        self._watch = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._refuse([w for w in self._turns if w.until <= now or w.answered])
        if self._unanswered:
            self._watch = loop.call_later(1.0, self._expire)


def _busy() -> Busy:
    return Busy("Too much is waiting to be stored; this was not. Send it again.")
