"""Every change happens completely or not at all, shown for each statement of each use case.

Each statement and the COMMIT fails in turn. Then the response is not 2xx, no row of any table has
changed (including `rooms.seq`), and nothing was published.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from app.application import paced_commits
from app.main import create_app
from app.persistence.database import Database
from app.persistence.tables import RoomEventRow
from app.users.sessions import redeem_ticket
from testkit.answers import assert_ok, assert_problem
from testkit.failure_injection import DEADLOCK, NEVER, failing_at, losing_commits
from testkit.people import API
from testkit.server import (
    BACKENDS,
    NO_POLLING,
    TestServer,
    run_server,
    without_limits,
)
from testkit.server_fixtures import server_fixtures
from testkit.servers.backend import Backend
from testkit.statements import COMMIT
from testkit.waiting import eventually
from tests.features.table_rows import read_rows, row_changes
from tests.features.use_cases import USE_CASES, Request, Scenario, UseCase
from tests.importers.archives import SAMPLE, run

METHODS = {"post", "put", "patch", "delete"}
each_use_case = pytest.mark.parametrize("case", USE_CASES, ids=[case.name for case in USE_CASES])

Transact = Callable[..., Awaitable[Any]]

# Their databases have few rows, and no test sends requests beside another one.
embedded_server, cluster_server, server = server_fixtures("module", **NO_POLLING)


@pytest.fixture
async def server_database(
    server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """The database of the server, which commits each change at once. After a test no connection is
    in use."""
    monkeypatch.setattr(paced_commits, "INTERVAL_S", 0)
    yield server.context.database
    await eventually(  # a background task may have one
        lambda: all(in_use == 0 for in_use, _ in server.context.database.connections().values())
    )


async def request_of(case: UseCase, server: TestServer, http: httpx.AsyncClient) -> Request:
    people = await server.people(http, "ada", "bob", "eve")
    return await case.prepare(Scenario(server, http, *people))


@each_use_case
async def test_a_request_that_fails_at_any_statement_changes_nothing(
    server: TestServer, http: httpx.AsyncClient, server_database: Database, case: UseCase
) -> None:
    request = await request_of(case, server, http)
    before = await read_rows(server_database)
    at, succeeded = 0, False
    while not succeeded:
        at += 1
        with failing_at(server_database, at) as log:
            answer = await request()
        if log.triggered:
            assert_problem(answer, "internal")
            assert row_changes(before, await read_rows(server_database)) == {}, log.statements[-1]
            assert log.published == [], log.statements[-1]
        else:
            # Nothing failed this time, which shows that it would have changed something before.
            assert answer.status_code == case.status, answer.text
            assert row_changes(before, await read_rows(server_database)) != {}
            kinds = tuple(publication.kind.name for publication in log.published)
            assert kinds == case.announces
            assert log.statements[-1] == COMMIT
            assert log.statements.count(COMMIT) == 1, "one command is one transaction"
            succeeded = True


@each_use_case
@pytest.mark.parametrize("server", BACKENDS[1:], indirect=True)  # SQLite has no deadlocks
async def test_a_request_that_hits_a_deadlock_is_executed_once(
    server: TestServer, http: httpx.AsyncClient, server_database: Database, case: UseCase
) -> None:
    """After a deadlock (1213) at the last statement or at COMMIT the whole unit runs again, and has
    the effects of one run."""

    async def run(at: float) -> tuple[object, int]:
        request = await request_of(case, server, http)
        before = await read_rows(server_database)
        with failing_at(server_database, at, DEADLOCK) as log:
            answer = await request()
        assert answer.status_code == case.status, answer.text
        assert log.triggered == (at < NEVER)
        publications = [(publication.kind, publication.seq) for publication in log.published]
        return (row_changes(before, await read_rows(server_database)), publications), len(
            log.statements
        )

    once, steps = await run(NEVER)
    for at in (steps - 1, steps):
        again, more_steps = await run(at)
        assert again == once
        assert more_steps > steps


async def test_every_operation_that_changes_something_has_a_use_case(embedded: Backend) -> None:
    paths: dict[str, Any] = create_app(embedded.settings).openapi()["paths"]
    mutating = {
        f"{method.upper()} {path.removeprefix(API)}"
        for path, operations in paths.items()
        for method in operations
        if method in METHODS
    }
    assert mutating == {case.route for case in USE_CASES}
    assert all(path.startswith(API) or not METHODS & paths[path].keys() for path in paths)


async def test_row_changes_detects_a_single_changed_seq(
    server: TestServer, http: httpx.AsyncClient, server_database: Database
) -> None:
    ada = await server.person(http)
    room = await ada.makes_room()
    before = await read_rows(server_database)
    await ada.says(room, "one")
    assert row_changes(before, await read_rows(server_database)) == {
        "rooms": (1, 1),
        "members": (1, 1),
        "messages": (0, 1),
        RoomEventRow.__tablename__: (0, 1),
    }


@pytest.mark.cluster
@pytest.mark.parametrize("happened", [True, False])
async def test_a_commit_with_unknown_outcome_is_resolved_by_the_nonce(
    cluster: Backend, *, happened: bool
) -> None:
    """The connection breaks during COMMIT. The nonce resolves a send; other requests are answered
    with `unknown_outcome`."""
    settings = without_limits(cluster.override(**NO_POLLING))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        database = server.context.database
        with losing_commits(database, happened=happened):
            message = assert_ok(await ada.sends(room, nonce="n"), 200 if happened else 201)
        assert message["seq"] == 3
        with losing_commits(database, happened=happened):
            assert_problem(await ada.patch(f"/rooms/{room}", topic="x"), "unknown_outcome")
        assert (await ada.room(room))["topic"] == ("x" if happened else "")
        assert_ok(await ada.patch(f"/rooms/{room}", topic="x"))  # `retry: now`
        assert [event["seq"] for event in await ada.log(room)] == [1, 2, 3, 4]


async def at_every_statement(database: Database, transact: Transact, unit: tuple[Any, ...]) -> Any:
    """Let a unit of work fail at every statement in turn, which changes nothing, and then run
    it."""
    before, at = await read_rows(database), 0
    while True:
        at += 1
        with failing_at(database, at) as log:
            try:
                result = await transact(*unit)
            except DBAPIError:
                assert log.triggered
                assert row_changes(before, await read_rows(database)) == {}, log.statements[-1]
                assert log.published == [], log.statements[-1]
            else:
                assert not log.triggered
                assert log.statements.count(COMMIT) == 1
                return result


async def test_each_batch_of_an_import_is_atomic(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact, units = database.transact, []

    async def tried_everywhere(*unit: Any) -> Any:
        units.append(unit)
        return await at_every_statement(database, transact, unit)

    monkeypatch.setattr(database, "transact", tried_everywhere)
    right, said = await run(database, SAMPLE, batch=4)
    assert right, said
    assert len(units) > 5


async def test_redeeming_a_ticket_is_atomic(
    server: TestServer, http: httpx.AsyncClient, server_database: Database
) -> None:
    """A socket redeems its ticket in the hello."""
    ada = await server.person(http)
    ticket = assert_ok(await ada.post("/ws-tickets"), 201)["ticket"]
    transact = server_database.transact
    taken = await at_every_statement(server_database, transact, (redeem_ticket, ticket))
    assert str(taken[0].user) == ada.id
    assert await transact(redeem_ticket, ticket) is None
