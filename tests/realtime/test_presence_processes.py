"""Presence and typing between processes, and what is said of them when Redis or a process dies."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.features.answers import ok
from tests.features.people import Person
from tests.features.serving import Running
from tests.realtime.peer import Peers
from tests.realtime.processes import ServerProcess, running
from tests.realtime.test_presence import changes, told, watched
from tests.realtime.test_typing import shows, types
from tests.servers.backend import vary
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.cluster

TTL_S, GRACE_S = 2.0, 1.0


@pytest.fixture(scope="module")
def settings(cluster_settings: Settings) -> Settings:
    return vary(cluster_settings, realtime={"presence_ttl_s": TTL_S, "presence_grace_s": GRACE_S})


@pytest.fixture(scope="module")
async def one(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    async with running(settings, tmp_path_factory.mktemp("one")) as process:
        yield process


@pytest.fixture(scope="module")
async def two(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServerProcess]:
    async with running(settings, tmp_path_factory.mktemp("two")) as process:
        yield process


@pytest.fixture
async def ada(cluster_server: Running, one: ServerProcess) -> Person:
    return one.here(await cluster_server.person(one._http, "ada"))


@pytest.fixture
async def bob(cluster_server: Running, two: ServerProcess) -> Person:
    return two.here(await cluster_server.person(two._http, "bob"))


async def test_who_is_on_another_process_is_online(
    ada: Person, bob: Person, one: ServerProcess, peers: Peers
) -> None:
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    assert await watched(peer, bob) == {bob.id: "offline"}
    there = await peers.join(bob)
    await told(peer, bob, "online")
    here = await peers.join(one.here(bob))
    await there.leave()
    await asyncio.sleep(GRACE_S + 1)  # long enough to show, were it wrong
    assert await watched(peer, bob) == {bob.id: "online"}
    await here.leave()
    await told(peer, bob, "offline")
    assert changes(peer) == [{bob.id: "online"}, {bob.id: "offline"}]


async def test_to_reconnect_to_another_process_does_not_show(
    ada: Person, bob: Person, one: ServerProcess, two: ServerProcess, peers: Peers
) -> None:
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    there = await peers.join(bob)
    await watched(peer, bob)
    await told(peer, bob, "online")
    before = len(changes(peer))
    for process in (one, two, one):
        await there.leave()
        there = await peers.join(process.here(bob))
        await asyncio.sleep(GRACE_S)
    await peer.settled()
    assert len(changes(peer)) == before


@pytest.mark.setting("CHAT_REALTIME__PRESENCE_TTL_S")
async def test_the_users_of_a_killed_process_go_offline_after_lease_and_grace(
    settings: Settings, ada: Person, bob: Person, peers: Peers, tmp_path: Path
) -> None:
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    async with running(settings, tmp_path) as three:
        await peers.join(three.here(bob))
        await watched(peer, bob)
        await told(peer, bob, "online")
        killed_at = time.monotonic()
        three.signal(signal.SIGKILL)
        await three.ended(within=10)
        await told(peer, bob, "offline", within=TTL_S + GRACE_S + 20)
        # The lease was renewed up to a second before.
        assert time.monotonic() - killed_at > TTL_S + GRACE_S - 1.5


async def test_a_process_that_stops_in_order_leaves_the_grace(
    settings: Settings, ada: Person, bob: Person, two: ServerProcess, peers: Peers, tmp_path: Path
) -> None:
    """A deploy: the client comes back to another process, and nobody sees that it was away."""
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    long = vary(settings, realtime={"presence_grace_s": 20})
    async with running(long, tmp_path) as three:
        await peers.join(three.here(bob))
        await watched(peer, bob)
        await told(peer, bob, "online")
        before = len(changes(peer))
        three.signal(signal.SIGTERM)
        await three.ended(within=20)
    await asyncio.sleep(GRACE_S + 1)
    await peers.join(two.here(bob))
    await peer.settled()
    assert await watched(peer, bob) == {bob.id: "online"}
    assert len(changes(peer)) == before


@pytest.mark.parametrize("trouble", ["killed", "frozen"])
async def test_without_redis_everybody_is_unknown_and_then_as_before(
    redis_server: RedisServer, ada: Person, bob: Person, peers: Peers, trouble: str
) -> None:
    room = await ada.makes_room("private", bob)
    peer, there = await peers.join(ada, room), await peers.join(bob, room)
    await watched(peer, bob, ada)
    await told(peer, bob, "online")
    await told(peer, ada, "online")
    before = len(changes(peer))
    with getattr(redis_server.server, trouble)():
        await told(peer, bob, "unknown", within=10)
        await told(peer, ada, "unknown", within=10)
        began = time.monotonic()
        assert await watched(peer, bob) == {bob.id: "unknown"}
        await peer.says(room)
        assert time.monotonic() - began < 2
    await told(peer, bob, "online", within=20)
    await there.settled()
    assert all("offline" not in frame.values() for frame in changes(peer)[before:])


async def test_typing_crosses_over(
    ada: Person, bob: Person, one: ServerProcess, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    here, there = await peers.join(ada, room), await peers.join(bob, room)
    await types(here, room)
    await shows(there, room, ada)
    await here.says(room)
    await shows(there, room)
    again = await peers.join(one.here(bob), room)
    await types(again, room)
    await shows(here, room, bob)
    ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await shows(here, room)
    await there.expect("room.closed")


async def test_without_redis_typing_stays_in_the_process(
    redis_server: RedisServer, ada: Person, bob: Person, one: ServerProcess, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    here, there = await peers.join(ada, room), await peers.join(bob, room)
    beside = await peers.join(one.here(bob), room)
    with redis_server.server.killed():
        await types(here, room)
        await shows(beside, room, ada)
    await here.says(room)  # also of this kind nothing comes later
    await there.has(room, 4)
    await there.settled()
    assert there.of("typing") == []
