"""/health: for load balancers and supervisors."""

from pathlib import Path

import httpx
import pytest

from app.ops import routes
from testkit.answers import assert_ok, assert_problem
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend, make_settings, migrate, override, unique_name
from testkit.servers.mariadb import MariaDb


async def not_ready(http: httpx.AsyncClient) -> str:
    """The reason of the database for a 503 of /health/ready."""
    state = assert_ok(await http.get("/health/ready"), 503)
    assert state["ready"] is False
    assert_ok(await http.get("/health/live"))  # the process is well
    return str(state["database"])


def ruin(file: Path) -> None:
    for beside in file.parent.glob(f"{file.name}-*"):
        beside.unlink()
    file.write_bytes(b"no database" * 1000)


async def test_a_healthy_server_is_live_and_ready(http: httpx.AsyncClient) -> None:
    assert assert_ok(await http.get("/health/live")) == {"status": "ok"}
    state = assert_ok(await http.get("/health/ready"))
    assert state == {"ready": True, "draining": False, "database": "ok", "bus": "ok"}


async def test_a_server_without_a_schema_is_not_ready(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, database=f"sqlite:///{tmp_path / 'blank.db'}")
    async with run_server(settings) as server, server.client() as http:
        assert await not_ready(http) == "schema too old"
        await migrate(settings)
        assert_ok(await http.get("/health/ready"))


async def test_a_server_without_a_schema_is_not_ready_on_mysql(
    mariadb: MariaDb, tmp_path: Path
) -> None:
    async with mariadb.database(unique_name()) as url:
        settings = make_settings(tmp_path, database=url)
        async with run_server(settings) as server, server.client() as http:
            assert await not_ready(http) == "schema too old"
            await migrate(settings)
            assert_ok(await http.get("/health/ready"))


@pytest.mark.embedded
async def test_a_corrupt_sqlite_file_is_not_ready(embedded: Backend) -> None:
    async with run_server(embedded.settings) as server, server.client() as http:
        # An open connection may answer from pages in its memory.
        await server.context.database.dispose()
        ruin(Path(embedded.settings.database.url.partition("///")[2]))
        assert await not_ready(http) == "unreachable"


async def test_readiness_follows_the_database_going_down_and_up(
    cluster: Backend, mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/health/ready does not wait for a frozen database, although statements may."""
    settings = override(without_limits(cluster.settings), database={"statement_timeout_s": 3600})
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        with mariadb.server.frozen(), monkeypatch.context() as hasty:
            hasty.setattr(routes, "DATABASE_TIMEOUT_S", 0.5)
            assert await not_ready(http) == "unreachable"
        with mariadb.server.killed():
            assert await not_ready(http) == "unreachable"
            assert_problem(await ada.get("/users/me"), "busy")
        # Its connections were broken; nobody notices.
        assert_ok(await http.get("/health/ready"))
        assert_ok(await ada.get("/users/me"))
