"""Broken links to the database and to Redis cause no errors in the server's log: failures that
cannot be retried are reported to the client and logged as warnings."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from sqlalchemy import make_url

from testkit.answers import assert_ok
from testkit.people import API
from testkit.processes import ServerProcess, run_process
from testkit.server import fast_settings
from testkit.servers.backend import make_settings, migrate, override, unique_name
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer
from testkit.waiting import LIMIT_S, pause
from tests.faults.proxy import Moment, Proxy
from tests.hostile.test_log import ACCOUNT, lines_of

pytestmark = pytest.mark.cluster


class Stand:
    """A server process behind a proxy for each of its links."""

    def __init__(self, process: ServerProcess, database: Proxy, redis: Proxy) -> None:
        self.process, self.database, self.redis = process, database, redis
        self.http = httpx.AsyncClient(base_url=f"{process.url}{API}", timeout=LIMIT_S)
        self.room = ""

    async def enter(self) -> None:
        assert_ok(await self.http.post("/auth/register", json=ACCOUNT), 201)
        form = {"grant_type": "password"} | ACCOUNT
        token = assert_ok(await self.http.post("/auth/token", data=form))["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"
        made = await self.http.post("/rooms", json={"kind": "public", "name": "x"})
        self.room = assert_ok(made, 201)["id"]


@pytest.fixture(scope="module")
async def stand(
    mariadb: MariaDb, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stand]:
    directory = tmp_path_factory.mktemp("links")
    name = unique_name()
    database = Proxy(mariadb.server.port)
    redis = Proxy(redis_server.server.port)
    await database.start()
    await redis.start()
    async with mariadb.database(name) as url:
        await migrate(make_settings(directory, database=url))
        behind = make_url(url).set(port=database.port).render_as_string(hide_password=False)
        settings = make_settings(
            directory, database=behind, redis=f"redis://127.0.0.1:{redis.port}/0"
        )
        async with run_process(override(fast_settings(settings)), directory) as process:
            stand = Stand(process, database, redis)
            async with stand.http:
                await stand.enter()
                yield stand
    await database.stop()
    await redis.stop()


async def send(stand: Stand, nonce: str) -> int:
    body = {"nonce": nonce, "text": "x"}
    return (await stand.http.post(f"/rooms/{stand.room}/messages", json=body)).status_code


async def rename(stand: Stand, name: str) -> int:
    return (await stand.http.patch(f"/rooms/{stand.room}", json={"name": name})).status_code


async def expect_no_errors(stand: Stand, start: int) -> None:
    lines = await lines_of(stand.process, start)
    assert not [line for line in lines if not line.startswith("{")], "".join(lines)
    assert not {json.loads(line)["level"] for line in lines} & {"error", "critical"}, lines
    assert "Traceback" not in "".join(lines)


@pytest.mark.parametrize("act", [send, rename])
@pytest.mark.parametrize("moment", ["before", "during", "after"])
async def test_a_reset_link_during_commit_is_not_logged_as_error(
    stand: Stand, moment: Moment, act: Callable[[Stand, str], Awaitable[int]]
) -> None:
    start = len(stand.process.output)
    cut = stand.database.commits_cut
    stand.database.on_commit = moment
    status = await act(stand, f"commit-{moment}")
    assert stand.database.commits_cut == cut + 1
    assert status in {200, 201, 503}
    await expect_no_errors(stand, start)


@pytest.mark.parametrize("way", ["reset", "close"])
@pytest.mark.parametrize("link", ["database", "redis"])
async def test_closed_links_are_not_logged_as_errors(stand: Stand, link: str, way: str) -> None:
    start = len(stand.process.output)
    proxy: Proxy = getattr(stand, link)
    for number in range(5):
        getattr(proxy, way)()
        assert await send(stand, f"{link}-{way}-{number}") in {200, 201, 503}
        assert await rename(stand, f"{link} {way} {number}") in {200, 503}
    await expect_no_errors(stand, start)


@pytest.mark.parametrize("way", ["reset", "close"])
async def test_links_reset_at_any_time_are_not_logged_as_errors(stand: Stand, way: str) -> None:
    start = len(stand.process.output)

    async def work(number: int) -> None:
        for turn in range(10):
            assert await send(stand, f"{way}-{number}-{turn}") in {200, 201, 503}
            assert await rename(stand, f"{way} {number} {turn}") in {200, 503}

    working = asyncio.gather(*map(work, range(4)))
    while not working.done():
        getattr(stand.database, way)()
        await pause(0.02)
    await working
    await expect_no_errors(stand, start)
