"""Requests of several statements, beside SQLAlchemy's session."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import bindparam, literal, select
from sqlalchemy import text as sql_text
from sqlalchemy.exc import DBAPIError

from app.core.send_request import SendRequest, SendResult
from app.messages.send.batch import commit_batch
from app.persistence.database import Database
from app.persistence.engine import Engines
from app.persistence.failures import Failure, classify
from app.persistence.sql.executor import MultiStatementExecutor
from app.persistence.sql.statement import Statement
from app.settings import Settings
from testkit.limits import LIMITS
from testkit.servers.backend import Backend
from tests.group_commit.concurrent_sends import make_room, make_users, send_request
from tests.persistence.factories import logged_seqs

# Text that means something in a statement, in a literal or to the formatting of either.
TEXTS = [
    "it's",
    'a "quote"',
    "back\\slash",
    "100 %",
    "%s %(n)s",
    "a; COMMIT",
    "\x00\n\x1a",
    "茶 🎉",
    "?",
    "",
]
ECHO = Statement(select(bindparam("text", type_=literal("").type), literal("50 %s; x")))


@pytest.mark.parametrize("text", TEXTS)
async def test_a_value_comes_back_as_it_was(database: Database, text: str) -> None:
    async with database._engines.open_executor() as executor:
        [[row], [other]] = await executor.read(ECHO.bind(text=text), ECHO.bind(text="other"))
        await executor.rollback()
    assert list(row) == [text, "50 %s; x"]
    assert list(other) == ["other", "50 %s; x"]


@pytest.mark.parametrize("text", TEXTS)
async def test_a_message_is_stored_as_it_was_sent(database: Database, text: str) -> None:
    request = await _request(database, text)
    await database.transact_batch(commit_batch, [request], LIMITS, wait=True)
    [message] = await database.read(
        lambda reads: reads.messages.list_after_unchecked(request.room, 0, 2**53, 10)
    )
    assert message.text == text


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.setting("CHAT_DATABASE__MULTI_STATEMENTS")
async def test_a_send_is_two_requests_unless_multi_statements_are_off(
    cluster: Backend,
    open_database: Callable[[Settings], Database],
    record_requests: Callable[[], list[list[str]]],
    *,
    enabled: bool,
) -> None:
    database = open_database(cluster.override(database={"multi_statements": enabled}))
    request = await _request(database)
    requests = record_requests()
    [sent] = await database.transact_batch(commit_batch, [request], LIMITS, wait=True)
    assert sent is not None
    assert await database.read(logged_seqs, request.room) == [1]
    expected = [["BEGIN", "SELECT", "SELECT"], ["INSERT", "INSERT", "UPDATE", "COMMIT"]]
    assert requests == (expected if enabled else [])


async def test_a_request_without_an_answer_in_time_ends_its_connection(
    cluster: Backend, open_database: Callable[[Settings], Database]
) -> None:
    database = open_database(cluster.settings)
    engines = database._engines
    hasty = replace(engines, create_executor=partial(MultiStatementExecutor, timeout_s=0.2))
    with pytest.raises(DBAPIError) as raised:
        await _sleep(hasty)
    assert classify(raised.value) is Failure.UNREACHABLE
    assert database.connections()["write"][0] == 0


async def test_an_error_leaves_nothing_of_a_request(
    cluster: Backend, open_database: Callable[[Settings], Database]
) -> None:
    """The server has executed what stands before the statement that fails."""
    database = open_database(cluster.settings)
    request = await _request(database)

    async def fail_at_the_end(uow: Any) -> None:
        await commit_batch(uow, [request], LIMITS, wait=True)
        executor = uow.message_batch._executor
        await executor.write(executor._writes[0])  # messages have a unique key

    with pytest.raises(DBAPIError):
        await database.transact_batch(fail_at_the_end)
    assert await database.read(logged_seqs, request.room) == []
    [sent] = await database.transact_batch(commit_batch, [request], LIMITS, wait=True)
    assert isinstance(sent, SendResult)
    assert not sent.duplicate
    assert await database.read(logged_seqs, request.room) == [1]


async def _request(database: Database, text: str = "hi") -> SendRequest:
    people = await database.transact(make_users, "ann")
    room = await database.transact(make_room, people)
    return send_request(people[0], room, "n", text)


async def _sleep(engines: Engines) -> None:
    async with engines.open_executor() as executor:
        await executor.read(Statement(sql_text("SELECT SLEEP(100)")).bind())
