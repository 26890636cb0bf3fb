"""A rolling update: the server on a schema that is one migration behind, current, or ahead."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.settings import ROOT, Settings
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import API
from testkit.server import (
    BACKENDS,
    PASSWORD,
    TestServer,
    run_server,
    unique_username,
    without_limits,
)
from testkit.servers.backend import make_settings, unique_name
from tests.persistence.schema import downgrade, upgrade
from tests.persistence.test_migrations import STEPS

NEXT = '''
"""What a next release may do: it adds, and what it adds may be absent."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("messages", sa.Column("mood", sa.String(20)))
    op.add_column("rooms", sa.Column("heat", sa.Integer, nullable=False, server_default="0"))
    op.create_table("moods", sa.Column("id", sa.Integer, primary_key=True))


def downgrade() -> None:
    op.drop_table("moods")
'''


@pytest.fixture(params=BACKENDS)
async def blank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Settings]:
    """Settings of a database without a schema."""
    if request.param == "embedded":
        yield make_settings(tmp_path, database=f"sqlite:///{tmp_path / 'blank.db'}")
        return
    mariadb = request.getfixturevalue("mariadb")
    redis = request.getfixturevalue("redis_server")
    async with mariadb.database(unique_name()) as url:
        yield make_settings(tmp_path, database=url, redis=redis.url)


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """A checkout with one more migration."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "alembic", root / "alembic")
    shutil.copy(ROOT / "alembic.ini", root)
    (root / "app").symlink_to(ROOT / "app")
    (root / "alembic/versions/9999_next.py").write_text(NEXT.format(head=STEPS[-1]))
    return root


async def migrated(settings: Settings, step: str, root: Path = ROOT) -> None:
    await (downgrade if step == STEPS[-3] else upgrade)(settings, step, root)


async def readiness(http: httpx.AsyncClient, status: int = 200) -> tuple[str, str | None]:
    found = assert_ok(await http.get("/health/ready"), status)
    return found["database"], found.get("hint")


async def everything_works(server: TestServer, http: httpx.AsyncClient) -> None:
    """Use each part of the program that queries the database, once."""
    account = {"username": unique_username("ada"), "password": PASSWORD}
    assert_ok(await http.post(f"{API}/auth/register", json=account), 201)
    form = account | {"grant_type": "password"}
    login = assert_ok(await http.post(f"{API}/auth/token", data=form))
    renewal = {"grant_type": "refresh_token", "refresh_token": login["refresh_token"]}
    assert_ok(await http.post(f"{API}/auth/token", data=renewal))
    ada, bob = await server.people(http, "ada", "bob")
    ticket = assert_ok(await ada.post("/ws-tickets"), 201)["ticket"]
    room = await ada.makes_room("private", bob)
    direct = assert_ok(await ada.post("/rooms", kind="direct", members=[bob.id]), 201)["id"]
    async with Peers() as peers:
        here, there = await peers.join(ada, room, token=ticket), await peers.join(bob, room)
        snapshot = there.of("rooms")[-1]["snapshot"]
        await here.says(room, f"hello @{bob.username}")
        await there.has(room, 4)
        assert (await there.ask("read", room=room, seq=4))["seq"] == 4
        await ada.says(direct, "and here")
        await there.lists(direct, unread=1)
        assert_ok(await ada.patch(f"/rooms/{room}", name="Another name"))
        assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="admin"))
        assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
        await there.expect("room.closed", room=room)
        again = await peers.dial(server.url)
        await again.send("hello", token=bob.access, snapshot=snapshot)
        listed = await again.expect("rooms")
        assert (listed["full"], listed["gone"]) == (False, [room])
    assert [event["seq"] for event in await ada.log(room)] == list(range(1, 8))
    assert_ok(await ada.get(f"/rooms/{room}/messages"))
    assert_ok(await ada.get("/users", query="bob"))
    assert_ok(await ada.get("/rooms"))
    assert_ok(await bob.post("/auth/logout"), 204)


async def test_the_server_runs_one_migration_behind_or_ahead_and_no_more(
    blank: Settings, next_release: Path
) -> None:
    """The migrations run while the server runs, as in a rolling update."""
    await migrated(blank, STEPS[-2])
    async with run_server(without_limits(blank)) as server, server.client() as http:
        assert await readiness(http) == ("migrations pending", "python -m app migrate")
        await everything_works(server, http)
        await migrated(blank, "head")
        assert await readiness(http) == ("ok", None)
        await everything_works(server, http)
        await migrated(blank, "head", next_release)
        assert await readiness(http) == ("newer schema", None)
        await everything_works(server, http)
    # And a program that starts there.
    async with run_server(without_limits(blank)) as server, server.client() as http:
        await everything_works(server, http)


async def test_two_migrations_behind_is_too_old(blank: Settings) -> None:
    await migrated(blank, "head")
    await migrated(blank, STEPS[-3])
    async with run_server(without_limits(blank)) as server, server.client() as http:
        assert await readiness(http, 503) == ("schema too old", "python -m app migrate")
        await migrated(blank, "head")
        assert await readiness(http) == ("ok", None)
