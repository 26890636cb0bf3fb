"""Group commit: the commands about messages that wait in this process share a transaction.

Most of the cost of a durable send is round trips and the COMMIT, which are the same for one and for
two hundred. A command never waits for others to join its batch: while fewer than `max_concurrent`
batches are being committed it goes at once, and those that arrive during a commit are the next one.

Each command gets the answer that it would get alone, whatever happens to its batch.
"""

import asyncio
import contextvars
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from uuid import UUID

import structlog

from app.core import metrics
from app.core.message_commands import (
    ChangeResult,
    CommandResult,
    MessageChange,
    MessageCommand,
)
from app.core.send_request import SendRequest, SendResult
from app.messages.send.batch import commit_batch, commit_individually
from app.messages.send.change_rules import MessageLimits
from app.messages.send.fair_queue import FairQueue, PendingCommand
from app.persistence.database import Database
from app.wire.errors import Busy, ChatError, UnknownOutcome

MAX_BATCH = 256  # commands
MAX_BATCH_CHARS = 250_000  # of their texts: far below max_allowed_packet, escaped and all
MAX_PENDING = 4096  # commands without an answer; more are refused with `busy`
QUEUE_TIMEOUT_S = 10.0  # a command that waits longer for its turn is refused with `busy`
MAX_FALLBACKS = 4  # batches that wait for locked rooms, or are sent individually, at the same time
CLOSE_TIMEOUT_S = 10.0

log = structlog.get_logger(__name__)


class Committer:
    """Commits at most `max_concurrent` batches at the same time, each of other rooms."""

    def __init__(
        self,
        database: Database,
        limits: MessageLimits,
        max_concurrent: int,
        max_batch: int = MAX_BATCH,
    ) -> None:
        self._database = database
        self._limits = limits
        self._free = max_concurrent
        self._max_batch = max_batch
        self._queue = FairQueue()
        self._pending = 0
        self._idle = asyncio.Event()  # every command has its answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._fallbacks = asyncio.Semaphore(MAX_FALLBACKS)
        self._scheduled = False  # `_start` is
        self._expiry_timer: asyncio.TimerHandle | None = None
        self._closing = False

    async def send(self, send: SendRequest) -> SendResult:
        """Returns after COMMIT. Raises what `rules.decide` does, and what `_enqueue` does."""
        result = await self._enqueue(send)
        assert isinstance(result, SendResult)
        return result

    async def change(self, change: MessageChange) -> ChangeResult:
        """Returns after COMMIT. Raises what `change_rules` do, and what `_enqueue` does."""
        result = await self._enqueue(change)
        assert isinstance(result, ChangeResult)
        return result

    async def _enqueue(self, command: MessageCommand) -> CommandResult:
        """Raises Busy (nothing was done), or UnknownOutcome. A caller that is cancelled does not
        affect the others."""
        if self._closing or self._pending >= MAX_PENDING:
            raise _busy()
        loop = asyncio.get_running_loop()
        pending = PendingCommand(command, loop.create_future(), loop.time() + QUEUE_TIMEOUT_S)
        self._pending += 1
        self._idle.clear()
        self._queue.put(pending)
        self._wake()
        if self._expiry_timer is None:
            self._expiry_timer = loop.call_later(1.0, self._expire)
        return await pending.future

    async def close(self) -> None:
        """Accept no more commands, and finish the pending ones within a bounded time."""
        self._closing = True
        if self._pending:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), CLOSE_TIMEOUT_S)
        self._reject_queued(list(self._queue))  # before a room is unlocked, which starts a batch
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._expiry_timer:
            self._expiry_timer.cancel()

    def _wake(self) -> None:
        """Start batches at the end of this iteration of the loop, with all that it brings."""
        if self._free and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        self._scheduled = False
        while self._free and (batch := self._queue.pop_batch(self._max_batch, MAX_BATCH_CHARS)):
            self._free -= 1
            # In a new context: the batch does not belong to the request that came first.
            task = asyncio.create_task(self._commit(batch), context=contextvars.Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _commit(self, batch: list[PendingCommand]) -> None:
        """Every command of the batch has an answer in the end, whatever happens."""
        try:
            try:
                left = await self._commit_batch(batch, wait=False)
            finally:
                self._free += 1
                self._wake()
            self._complete(batch, except_rooms_of=left)
            if left:
                await self._fallback([pending for pending in batch if not pending.done])
        finally:
            self._complete(batch)

    async def _commit_batch(
        self, batch: list[PendingCommand], *, wait: bool
    ) -> list[PendingCommand]:
        """Returns the commands without an answer: another transaction holds their rooms, the
        filters have no time left for them, or the database does not accept the batch as a whole."""
        batch = [pending for pending in batch if not pending.future.done()]
        if not batch:
            return []
        metrics.BATCH_SIZE.observe(len(batch))
        started = time.perf_counter()
        try:
            outcomes = await self._database.transact_batch(
                commit_batch, [pending.command for pending in batch], self._limits, wait=wait
            )
        except UnknownOutcome as error:
            for pending in batch:
                pending.fail(UnknownOutcome(error.detail))
            return []
        except Exception as error:  # noqa: BLE001 - raised to the callers, or tried individually
            if len(batch) > 1:
                log.warning("group_commit.batch_failed", size=len(batch), error=repr(error))
                return batch
            batch[0].fail(error)
            return []
        finally:
            metrics.BATCH_SECONDS.observe(time.perf_counter() - started)
        left = []
        for pending, outcome in zip(batch, outcomes, strict=True):
            if outcome is None:
                left.append(pending)
            elif isinstance(outcome, ChatError):
                pending.fail(outcome)
            else:
                pending.succeed(outcome)
        return left

    async def _fallback(self, batch: list[PendingCommand]) -> None:
        """Wait for the rooms, in one batch. If that fails, commit individually, room by room: then
        a command that cannot be committed fails alone, and filters have their time for each."""
        async with self._fallbacks:
            left = await self._commit_batch(self._drop_expired(batch), wait=True)
        self._complete(batch, except_rooms_of=left)
        rooms: dict[UUID, list[PendingCommand]] = {}
        for pending in batch:
            if not pending.done:
                rooms.setdefault(pending.command.room, []).append(pending)
        await asyncio.gather(*map(self._commit_individually, rooms.values()))

    async def _commit_individually(self, commands: list[PendingCommand]) -> None:
        """All of one room. After a `busy` one so are the following: they must not overtake it."""
        async with self._fallbacks:
            for pending in commands:
                if not self._drop_expired([pending]):
                    continue
                try:
                    pending.succeed(
                        await commit_individually(self._database, self._limits, pending.command)
                    )
                except Busy as error:
                    for following in commands:
                        following.fail(Busy(error.detail, retry_after_ms=error.retry_after_ms))
                except Exception as error:  # noqa: BLE001 - raised to the caller
                    pending.fail(error)
        self._complete(commands)

    def _drop_expired(self, commands: Iterable[PendingCommand]) -> list[PendingCommand]:
        """Refuse commands that have waited too long. Returns those that still have no answer."""
        now = asyncio.get_running_loop().time()
        left = []
        for pending in commands:
            if pending.deadline <= now:
                pending.fail(_busy())
            if not pending.future.done():
                left.append(pending)
        return left

    def _complete(
        self, commands: list[PendingCommand], *, except_rooms_of: Sequence[PendingCommand] = ()
    ) -> None:
        """These commands are over, and their rooms are unlocked."""
        kept = {pending.command.room for pending in except_rooms_of}
        done = [p for p in commands if not p.done and p.command.room not in kept]
        for pending in done:
            pending.done = True
            pending.fail(UnknownOutcome("The server stopped in the middle of it. Repeat it."))
        self._queue.unlock_rooms({pending.command.room for pending in done})
        self._decrement_pending(len(done))
        self._wake()

    def _reject_queued(self, commands: Sequence[PendingCommand]) -> None:
        """Refuse commands that were in no batch."""
        self._queue.remove(commands)
        for pending in commands:
            pending.fail(_busy())
        self._decrement_pending(len(commands))

    def _decrement_pending(self, count: int) -> None:
        self._pending -= count
        if not self._pending:
            self._idle.set()

    def _expire(self) -> None:
        """Once a second while commands are pending."""
        self._expiry_timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._reject_queued([p for p in self._queue if p.deadline <= now or p.future.done()])
        if self._pending:
            self._expiry_timer = loop.call_later(1.0, self._expire)


def _busy() -> Busy:
    return Busy("Too much is waiting to be stored; this was not. Send it again.")
