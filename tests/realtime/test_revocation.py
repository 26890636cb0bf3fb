"""The end of a session closes its sockets on every process soon, also without Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import pytest

from app.settings import Settings
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from testkit.processes import ServerProcess
from testkit.server import PASSWORD, TestServer, new_session
from testkit.servers.backend import override
from testkit.servers.redis import RedisServer
from tests.realtime.dedicated_server import StartServer, run_server_without_pauses

End = Callable[[Person, Person], Awaitable[httpx.Response]]
ENDS: dict[str, End] = {
    "logout": lambda ada, _: ada.post("/auth/logout"),
    "ban": lambda ada, admin: admin.put(f"/users/{ada.id}/ban"),
}


def new_password(person: Person) -> Awaitable[httpx.Response]:
    return person.put("/users/me/password", old_password=PASSWORD, new_password="new " + PASSWORD)


@pytest.mark.parametrize("end", ENDS)
async def test_sockets_on_another_process_are_closed_by_the_bus(
    cluster_server: TestServer,
    process_a: ServerProcess,
    process_b: ServerProcess,
    peers: Peers,
    end: str,
) -> None:
    ada, bob = [
        process_a.here(await cluster_server.person(process_a._http, n)) for n in ("ada", "bob")
    ]
    admin = process_a.here(await cluster_server.administrator(process_a._http))
    ended = [await peers.join(there) for there in (ada, process_b.here(ada), process_b.here(ada))]
    stays = await peers.join(process_b.here(bob))
    assert (await ENDS[end](ada, admin)).is_success
    for code in await asyncio.gather(*(peer.closed() for peer in ended)):
        assert code == 4403
    await stays.settled()
    assert (await process_b.here(ada).get("/users/me")).status_code == 401


async def test_another_password_closes_the_sockets_of_all_other_sessions(
    cluster_server: TestServer, process_a: ServerProcess, process_b: ServerProcess, peers: Peers
) -> None:
    ada = process_a.here(await cluster_server.person(process_a._http, "ada"))
    others = [await new_session(cluster_server, ada) for _ in range(2)]
    ended = [await peers.join(process_b.here(other)) for other in others]
    stays = [await peers.join(ada), await peers.join(process_b.here(ada))]
    assert_ok(await new_password(ada), 204)
    for code in await asyncio.gather(*(peer.closed() for peer in ended)):
        assert code == 4403
    for peer in stays:
        await peer.settled()


@pytest.fixture
async def two_that_check_often(cluster_settings: Settings) -> AsyncIterator[list[TestServer]]:
    """Two servers that share MariaDB and Redis."""
    settings = override(cluster_settings, realtime={"session_check_interval_s": 0.5})
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(run_server_without_pauses(settings)) for _ in range(2)
        ]


async def test_without_redis_the_session_check_finds_revoked_sessions(
    two_that_check_often: list[TestServer], redis_server: RedisServer, peers: Peers
) -> None:
    """At the next session check, which other tests set an hour off."""
    here, there = two_that_check_often
    async with here.client() as http, there.client() as http_there:
        ada, bob, eve, fay = await here.people(http, "ada", "bob", "eve", "fay")
        other = await new_session(here, eve)
        admin = await here.administrator(http)
        ended = [await peers.join(replace(p, http=http_there)) for p in (ada, bob, other)]
        stay = [await peers.join(replace(p, http=http_there)) for p in (eve, fay)]
        with redis_server.server.killed():
            assert (await ENDS["logout"](ada, admin)).is_success
            assert (await ENDS["ban"](bob, admin)).is_success
            assert_ok(await new_password(eve), 204)
            for code in await asyncio.gather(*(peer.closed() for peer in ended)):
                assert code == 4403
            for peer in stay:
                await peer.settled()


async def test_a_banned_user_cannot_reconnect(start: StartServer, peers: Peers) -> None:
    """Neither with an access token nor with an earlier ticket."""
    server = await start()
    ada, admin = await server.person(), await server.running.administrator(server.http)
    ticket = assert_ok(await ada.post("/ws-tickets"), 201)["ticket"]
    peer = await peers.join(ada)
    assert_ok(await admin.put(f"/users/{ada.id}/ban"))
    assert await peer.closed() == 4403
    for token in (ada.access, ticket):
        peer = await peers.dial(server.url)
        await peer.send("hello", id=1, token=token)
        assert (await peer.expect("error", id=1))["code"] == "session_ended"
        assert await peer.closed() == 4403
    assert not server.hub.connections
