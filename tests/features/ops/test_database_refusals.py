"""A database that rejects changes: requests are `busy`, the server is not ready, and it
recovers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from app.persistence import database
from app.persistence.database import Database
from app.persistence.failures import _MYSQL, IN_DOUBT, REFUSALS
from testkit.answers import assert_ok, assert_problem
from testkit.failure_injection import NEVER, failing_at
from testkit.people import Person
from testkit.server import NO_POLLING, TestServer, run_server, without_limits
from testkit.servers.backend import Backend, make_settings, migrate, unique_name
from testkit.servers.mariadb import MariaDb, run_mariadb
from testkit.statements import COMMIT


@pytest.fixture(autouse=True)
def no_end_of_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine may take longer between a rejected change and the check of readiness."""
    monkeypatch.setattr(database, "REFUSAL_S", 3600.0)


async def not_ready(http: httpx.AsyncClient) -> str:
    return str(assert_ok(await http.get("/health/ready"), 503)["database"])


async def texts(person: Person, room: str) -> list[str]:
    page = assert_ok(await person.get(f"/rooms/{room}/messages"))
    return [message["nonce"] for message in page["items"]]


# A real server that turns read-only.


@pytest.fixture(scope="module")
def own_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    with run_mariadb(tmp_path_factory.mktemp("own-mariadb")) as server:
        server.server  # noqa: B018  # skips where it is not ours to change
        yield server


@pytest.fixture
async def plain_url(own_mariadb: MariaDb) -> AsyncIterator[str]:
    """The URL of an account without READ ONLY ADMIN, which GRANT ALL would include."""
    name = unique_name()
    async with own_mariadb.database(name), own_mariadb.connect() as connection:
        for statement in (
            "CREATE OR REPLACE USER plain@'127.0.0.1' IDENTIFIED BY 'chat'",
            f"GRANT ALL ON `{name}`.* TO plain@'127.0.0.1'",
        ):
            await connection.execute(text(statement))
        address = own_mariadb.address.set(username="plain", database=name)
        yield address.render_as_string(hide_password=False)


async def connections(server: MariaDb) -> set[int]:
    async with server.connect() as connection:
        rows = await connection.execute(
            text("SELECT id FROM information_schema.processlist WHERE user = 'plain'")
        )
        return {int(number) for (number,) in rows}


@pytest.mark.cluster
async def test_a_read_only_database_is_busy_and_its_connections_are_replaced(
    own_mariadb: MariaDb, plain_url: str, tmp_path: Path
) -> None:
    settings = make_settings(tmp_path, database=plain_url)
    await migrate(settings)
    async with (
        own_mariadb.connect() as admin,
        run_server(without_limits(settings)) as server,
        server.client() as http,
    ):
        ada = await server.person(http)
        room = await ada.makes_room()
        assert_ok(await ada.sends(room, nonce="before"), 201)
        before = await connections(own_mariadb)
        await admin.execute(text("SET GLOBAL read_only = 1"))
        try:
            # Known without a send that failed.
            assert await not_ready(http) == "refuses changes"
            assert_problem(await ada.sends(room, nonce="meanwhile"), "busy")
            assert await not_ready(http) == "refuses changes"
            assert await texts(ada, room) == ["before"]
        finally:
            await admin.execute(text("SET GLOBAL read_only = 0"))
        assert_ok(await ada.sends(room, nonce="meanwhile"), 201)
        assert_ok(await http.get("/health/ready"))
        used = await used_connections(server)
        assert used
        assert not used & before


async def used_connections(server: TestServer) -> set[int]:
    """The connections that the pools of the server return."""
    engines = server.context.database._engines
    numbers = set()
    for engine in (engines.read, engines.write):
        async with engine.connect() as connection:
            numbers.add(int(await connection.scalar(text("SELECT CONNECTION_ID()"))))
    return numbers


@pytest.mark.cluster
async def test_a_database_account_without_connections_is_busy(
    own_mariadb: MariaDb, plain_url: str, tmp_path: Path
) -> None:
    settings = make_settings(tmp_path, database=plain_url)
    await migrate(settings)
    async with (
        own_mariadb.connect() as admin,
        run_server(without_limits(settings)) as server,
        server.client() as http,
    ):
        ada = await server.person(http)
        await server.context.database.dispose()  # connections are made anew
        limit = "ALTER USER plain@'127.0.0.1' WITH MAX_CONNECTIONS_PER_HOUR {}"
        await admin.execute(text(limit.format(1)))
        await admin.execute(text("FLUSH USER_RESOURCES"))
        answers = [await ada.post("/rooms", kind="public", name="Room") for _ in range(3)]
        await admin.execute(text(limit.format(0)))
        await admin.execute(text("FLUSH USER_RESOURCES"))
        assert_problem(answers[-1], "busy")
        assert_ok(await ada.post("/rooms", kind="public", name="Room"), 201)


# SQLite.


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"),
        ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
    ],
    ids=["full", "read-only"],
)
async def test_sqlite_without_disk_space_or_write_permission_is_busy(
    embedded: Backend, broken: str, mended: str
) -> None:
    async with run_server(without_limits(embedded.settings)) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        writer = server.context.database._engines.write

        async def run(pragma: str) -> None:
            """Without the BEGIN of a transaction, which a read-only connection would refuse."""
            async with writer.connect() as connection:
                raw = await connection.get_raw_connection()
                await raw.driver_connection.execute(pragma)  # type: ignore[union-attr]

        await run(broken)
        answers = [
            await ada.sends(room, "x" * 4000, nonce=f"large-{n}")
            for n in range(20)  # until the pages that the file has are full
        ]
        assert_problem(answers[-1], "busy")
        assert await not_ready(http) == "refuses changes"
        kept = [answer.json()["nonce"] for answer in answers if answer.status_code == 201]
        await run(mended)
        assert_ok(await ada.sends(room, nonce="after"), 201)
        assert_ok(await http.get("/health/ready"))
        assert await texts(ada, room) == [*kept, "after"]


# The codes that no server here gives on demand.


CODES = [code for code, failure in _MYSQL.items() if failure in REFUSALS]


async def test_a_rejected_statement_is_busy_and_changes_nothing(cluster: Backend) -> None:
    async with (
        run_server(without_limits(cluster.override(**NO_POLLING))) as server,
        server.client() as http,
    ):
        ada = await server.person(http)
        room = await ada.makes_room()
        database = server.context.database
        first_write, _ = await write_steps(database, ada, room)
        for code in CODES:
            with failing_at(database, first_write, code):
                assert_problem(await ada.sends(room, nonce=f"n{code}"), "busy")
            assert await not_ready(http) == "refuses changes"
            assert_ok(await ada.sends(room, nonce=f"n{code}"), 201)
            assert_ok(await http.get("/health/ready"))
        assert await texts(ada, room) == ["counted", *(f"n{code}" for code in CODES)]


async def test_a_rejected_commit_is_busy_or_resolved_by_the_nonce(cluster: Backend) -> None:
    async with (
        run_server(without_limits(cluster.override(**NO_POLLING))) as server,
        server.client() as http,
    ):
        ada = await server.person(http)
        room = await ada.makes_room()
        database = server.context.database
        _, commit = await write_steps(database, ada, room)
        for code in CODES:
            with failing_at(database, commit, code):
                answer = await ada.sends(room, nonce=f"n{code}")
            if _MYSQL[code] in IN_DOUBT:
                assert_ok(answer, 201)
            else:
                assert_problem(answer, "busy")
                assert_ok(await ada.sends(room, nonce=f"n{code}"), 201)
        assert await texts(ada, room) == ["counted", *(f"n{code}" for code in CODES)]


async def write_steps(database: Database, person: Person, room: str) -> tuple[int, int]:
    """The statements at which a send locks its room and commits, as numbers."""
    with failing_at(database, NEVER) as log:
        assert_ok(await person.sends(room, nonce="counted"), 201)
    (lock,) = (n for n, sql in enumerate(log.statements, 1) if "FOR UPDATE" in sql)
    return lock, log.statements.index(COMMIT) + 1
