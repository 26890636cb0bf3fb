"""A unit of work that is cancelled at any point, for example because its client has gone."""

import asyncio
import itertools
import types
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import QueuePool

from app.messages.send.batch import commit_batch
from app.persistence.database import Database
from app.settings import Settings
from testkit.limits import LIMITS
from testkit.servers.backend import Backend
from testkit.servers.mariadb import MariaDb
from testkit.waiting import eventually, pause
from tests.group_commit.concurrent_sends import make_actor, make_room, make_users, send_request
from tests.persistence.factories import logged_seqs, room_head, send

OPEN = "SELECT COUNT(*) FROM information_schema.innodb_trx"


@types.coroutine
def cancelled_at(work: Coroutine[Any, Any, Any], at: int) -> Generator[Any, Any, bool]:
    """Run the work in this task and cancel it at its `at`-th wait. False if it has fewer waits."""
    inner = work.__await__()
    step: Callable[[], Any] = partial(inner.send, None)
    for number in itertools.count(1):
        try:
            future = step()
        except StopIteration:
            return False
        if number == at:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        try:
            yield future
        except BaseException as error:  # noqa: BLE001  # it is the work's to handle
            step = partial(inner.throw, error)
        else:
            step = partial(inner.send, None)
    raise AssertionError("unreachable")


@pytest.fixture
async def sender(database: Database) -> UUID:
    [sender] = await database.transact(make_users, "ann")
    return sender.user


@pytest.fixture
async def room(database: Database, sender: UUID) -> UUID:
    """The sender is a member; the log is empty."""
    return await database.transact(make_room, [make_actor(sender)])


def send_in_session(
    database: Database, room: UUID, sender: UUID, nonce: str
) -> Coroutine[Any, Any, Any]:
    return database.transact(send, room, sender, "hi", nonce)


def send_in_requests(
    database: Database, room: UUID, sender: UUID, nonce: str
) -> Coroutine[Any, Any, Any]:
    request = send_request(make_actor(sender), room, nonce)
    return database.transact_batch(commit_batch, [request], LIMITS, wait=True)


Send = Callable[[Database, UUID, UUID, str], Coroutine[Any, Any, Any]]
ways_to_send = pytest.mark.parametrize("send_message", [send_in_session, send_in_requests])


async def outcome(
    database: Database, room: UUID, sender: UUID, at: int, send_message: Send
) -> bool:
    """Whether the unit had such a wait."""
    unit = send_message(database, room, sender, f"n{at}")
    task = asyncio.ensure_future(_run(unit, at))
    await asyncio.wait([task])
    return task.cancelled() or task.result()


async def _run(unit: Coroutine[Any, Any, Any], at: int) -> bool:
    return await cancelled_at(unit, at)


def in_use(database: Database) -> int:
    pool = database._engines.write.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


async def _log_agrees_with_head(database: Database, room: UUID) -> bool:
    log = await database.read(logged_seqs, room)
    return log == list(range(1, await database.read(room_head, room) + 1))


@ways_to_send
async def test_a_unit_cancelled_at_any_point_leaves_no_open_transaction(
    database: Database, room: UUID, sender: UUID, send_message: Send
) -> None:
    await database.transact(send, room, sender, "hi", "n0")  # a connection is there
    for at in itertools.count(1):
        if not await outcome(database, room, sender, at, send_message):
            break
        await eventually(lambda: in_use(database) == 0)
        # A COMMIT that was cancelled may still happen, between two reads too.
        await eventually(partial(_log_agrees_with_head, database, room))
    assert at > (5 if send_message is send_in_session else 2), "it waits for each request"
    last = await database.transact(send, room, sender, "hi", "last")
    assert await database.read(logged_seqs, room) == list(range(1, last + 1))


@ways_to_send
async def test_cancelled_units_leave_no_transaction_in_mariadb(
    cluster: Backend,
    mariadb: MariaDb,
    open_database: Callable[[Settings], Database],
    send_message: Send,
) -> None:
    database = open_database(cluster.settings)
    [ann] = await database.transact(make_users, "ann")
    sender, room = ann.user, await database.transact(make_room, [ann])
    async with mariadb.connect() as connection:
        for at in itertools.count(1):
            if not await outcome(database, room, sender, at, send_message):
                break
            await eventually(lambda: _is_none_open(connection))


async def _is_none_open(connection: AsyncConnection) -> bool:
    """InnoDB refreshes this table only when nobody has read it for 0.1 s
    (CACHE_MIN_IDLE_TIME_NS in storage/innobase/trx/trx0i_s.cc)."""
    await pause(0.15)
    return not await connection.scalar(text(OPEN))
