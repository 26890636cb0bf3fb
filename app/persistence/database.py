"""Opens sessions and units of work: one command, one transaction, then its publications.

An edge answers only after COMMIT. A unit is run again as a whole when the database asks for that,
or when a unique key shows that another one was first.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.core import metrics
from app.core.cancellation import reraise_cancellation
from app.core.publications import Publication
from app.persistence.direct_reads import DirectReads
from app.persistence.engine import Engines
from app.persistence.failures import IN_DOUBT, REFUSALS, Failure, classify
from app.persistence.migrations import SchemaStatus, schema_status
from app.persistence.server_info import ServerInfo, is_read_only, read_server_info
from app.persistence.uow import BatchUnitOfWork, ReadSession, UnitOfWork
from app.wire.errors import Busy, UnknownOutcome

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
U = TypeVar("U", bound="BatchUnitOfWork")
OpenUnit = Callable[[], AbstractAsyncContextManager[U]]
Publish = Callable[[Sequence[Publication]], None]

# A frozen database answers no attempt in time, so a caller waits for few of them.
RETRY_FOR_S = 10.0
# A database that restarts is back by then, as a rule.
RETRY_UNKNOWN_FOR_S = 15.0

# A server that has refused to write is not ready for so long, unless a COMMIT succeeds.
REFUSAL_S = 10.0

_GAVE_UP = "The database could not do this now; nothing was changed. Try again."
_REFUSED = "The database takes no changes now; nothing was changed. Try again."
_EXPLANATIONS = dict.fromkeys(REFUSALS, _REFUSED) | {
    Failure.TOO_SLOW: "The database took too long for this; nothing was changed. Try again."
}

log = structlog.get_logger(__name__)


class Database:
    """Opens sessions and units of work. `publish` is called after each COMMIT."""

    def __init__(
        self, engines: Engines, publish: Publish, max_attempts: int, max_unread: int
    ) -> None:
        self._engines = engines
        self._publish = publish
        self._max_attempts = max_attempts
        self._max_unread = max_unread
        self._refused_at: float | None = None  # monotonic
        self._write = async_sessionmaker(engines.write, expire_on_commit=False)
        self._read = async_sessionmaker(engines.read, expire_on_commit=False)

    async def read(
        self,
        query: Callable[Concatenate[ReadSession, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a query in a session of its own. Raises Busy if the database cannot be reached."""
        return await self._attempt(self._open_read_session, query, *args, **kwargs)

    async def read_directly(
        self,
        query: Callable[Concatenate[DirectReads, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """`read` on the driver itself, for the reads that clients do most."""
        return await self._attempt(self._open_direct_reads, query, *args, **kwargs)

    async def transact(
        self,
        use_case: Callable[Concatenate[UnitOfWork, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a use case in a unit of work: its result means that the COMMIT succeeded.

        The use case may run several times, each from the start, so it does nothing but through its
        unit of work. Raises what the use case raises (nothing is left of it then), Busy (nothing
        was done), or UnknownOutcome (the connection broke during COMMIT).
        """
        return await self._transact(self._open_unit, use_case, *args, **kwargs)

    async def _transact(
        self,
        open_unit: OpenUnit[U],
        use_case: Callable[Concatenate[U, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        for last in self._iterate_attempts():
            try:
                async with open_unit() as uow:
                    result = await use_case(uow, *args, **kwargs)
            except (DBAPIError, PoolTimeout) as error:
                if isinstance(error, DBAPIError) and classify(error) in REFUSALS:
                    self._refused_at = time.monotonic()
                await self._retry_or_raise(error, last)
            else:
                self._refused_at = None
                if uow.publications:
                    self._publish(uow.publications)
                reraise_cancellation()
                return result
        raise AssertionError("the last round returns or raises")

    @asynccontextmanager
    async def _open_unit(self) -> AsyncIterator[UnitOfWork]:
        """Its end is the COMMIT."""
        self._engines.kept_writes.make_room()
        async with self._write() as session:
            uow = UnitOfWork(session, self._max_unread)
            yield uow
            await uow.flush()
            await _commit_session(session)

    @asynccontextmanager
    async def _open_batch(self) -> AsyncIterator[BatchUnitOfWork]:
        """Its end is the COMMIT."""
        async with self._engines.open_executor() as executor:
            yield BatchUnitOfWork(executor)
            await _commit(executor.commit)

    @asynccontextmanager
    async def _open_read_session(self) -> AsyncIterator[ReadSession]:
        self._engines.kept_reads.make_room()
        async with self._read() as session:
            yield ReadSession(session, self._max_unread)

    @asynccontextmanager
    async def _open_direct_reads(self) -> AsyncIterator[DirectReads]:
        async with self._engines.open_reader() as reader:
            yield DirectReads(reader, self._max_unread)

    async def _attempt(
        self,
        open_reads: Callable[[], AbstractAsyncContextManager[R]],
        query: Callable[Concatenate[R, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        for last in self._iterate_attempts():
            try:
                async with open_reads() as reads:
                    result = await query(reads, *args, **kwargs)
            except (DBAPIError, PoolTimeout) as error:
                await self._retry_or_raise(error, last)
            else:
                reraise_cancellation()
                return result
        raise AssertionError("the last round returns or raises")

    async def transact_idempotent(
        self,
        use_case: Callable[Concatenate[UnitOfWork, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """`transact` for a use case that finds what an earlier run of itself has left, as a send
        does by its nonce: a COMMIT whose outcome is unknown is settled by running it again.

        For a bounded time. After the first unknown outcome it raises UnknownOutcome instead of
        Busy, which would say that nothing was done, and instead of any later database error.
        """
        return await self._settle(partial(self.transact, use_case, *args, **kwargs))

    async def transact_batch(
        self,
        use_case: Callable[Concatenate[BatchUnitOfWork, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """`transact_idempotent` for sends: two requests to the database where it can be so few."""
        if self._engines.create_executor is None:
            return await self.transact_idempotent(use_case, *args, **kwargs)
        return await self._settle(
            partial(self._transact, self._open_batch, use_case, *args, **kwargs)
        )

    async def _settle(self, transact: Callable[[], Awaitable[T]]) -> T:
        until = time.monotonic() + RETRY_UNKNOWN_FOR_S
        unknown: UnknownOutcome | None = None
        while True:
            try:
                return await transact()
            except UnknownOutcome as error:
                unknown = error
            except (Busy, DBAPIError):  # says nothing about the earlier COMMIT
                if unknown is None:
                    raise
            if time.monotonic() > until:
                raise unknown
            await asyncio.sleep(random.uniform(0.05, 0.2))

    async def schema(self) -> SchemaStatus:
        """Raises Busy."""
        return await self._ask_server(lambda engines: schema_status(engines.read))

    async def takes_changes(self) -> bool:
        """Raises Busy. Whether there is space shows only where something is written: the last
        refusal counts, until a COMMIT succeeds or some seconds have gone by."""
        if self._refused_at is not None and time.monotonic() - self._refused_at < REFUSAL_S:
            return False
        return not await self._ask_server(lambda engines: is_read_only(engines.read))

    async def server_info(self) -> ServerInfo:
        """Raises Busy."""
        return await self._ask_server(read_server_info)

    async def _ask_server(self, question: Callable[[Engines], Awaitable[T]]) -> T:
        self._engines.kept_reads.make_room()
        try:
            return await question(self._engines)
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise Busy("The database cannot be reached.", retry_after_ms=1000) from error

    def connections(self) -> dict[str, tuple[int, int]]:
        """By pool: how many are in use, and how many there may be."""
        return self._engines.connections()

    async def dispose(self) -> None:
        await self._engines.dispose()

    def _iterate_attempts(self) -> Iterator[bool]:
        """One an attempt: whether it is the last, by number or by time."""
        started = time.monotonic()
        for attempt in range(1, self._max_attempts):
            yield attempt > 1 and time.monotonic() - started > RETRY_FOR_S
        yield True

    async def _retry_or_raise(self, error: DBAPIError | PoolTimeout, last: bool) -> None:
        """Return, after a pause, if the whole unit may be run again."""
        if isinstance(error, PoolTimeout):
            raise Busy("All database connections are in use. Try again.", retry_after_ms=1000)
        failure = classify(error)
        if failure is Failure.OTHER or (last and failure is Failure.DUPLICATE):
            raise error
        if last or failure is Failure.TOO_SLOW or failure in REFUSALS:  # the same would follow
            log.warning(
                "database.retries_exhausted", failure=failure.name.lower(), error=str(error.orig)
            )
            raise Busy(_EXPLANATIONS.get(failure, _GAVE_UP), retry_after_ms=1000) from error
        await asyncio.sleep(random.uniform(0.001, 0.02))


async def _commit_session(session: AsyncSession) -> None:
    try:
        await _commit(session.commit)
    except BaseException:
        # Its transaction may still be open, and the pool would not end it: the next unit of work
        # on this connection would commit this one as well.
        await session.invalidate()
        raise


async def _commit(commit: Callable[[], Awaitable[None]]) -> None:
    started = time.perf_counter()
    try:
        await commit()
    except DBAPIError as error:
        if classify(error) in IN_DOUBT:
            raise UnknownOutcome(
                "The connection to the database broke during COMMIT: it may have happened. "
                "Repeat the request; a send with the same nonce returns the first message."
            ) from error
        raise
    finally:
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
