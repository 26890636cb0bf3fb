"""Presence and typing between processes, also when Redis or a process fails."""

import signal
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis as Client

from app.settings import Settings
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from testkit.processes import ServerProcess, run_process
from testkit.server import TestServer
from testkit.servers.backend import override
from testkit.servers.redis import RedisServer
from testkit.waiting import pause
from tests.realtime.test_presence import changes, told, watched
from tests.realtime.test_typing import shows, types

pytestmark = pytest.mark.cluster

TTL_S, GRACE_S = 2.0, 1.0


@pytest.fixture
async def ada(cluster_server: TestServer, process_a: ServerProcess) -> Person:
    return process_a.here(await cluster_server.person(process_a._http, "ada"))


@pytest.fixture
async def bob(cluster_server: TestServer, process_b: ServerProcess) -> Person:
    return process_b.here(await cluster_server.person(process_b._http, "bob"))


async def test_a_user_connected_to_another_process_is_online(
    cluster_settings: Settings, ada: Person, bob: Person, peers: Peers, tmp_path: Path
) -> None:
    settings = override(cluster_settings, realtime={"presence_grace_s": GRACE_S})
    async with run_process(settings, tmp_path) as one, run_process(settings, tmp_path) as two:
        await ada.makes_room("private", bob)
        peer = await peers.join(one.here(ada))
        assert await watched(peer, bob) == {bob.id: "offline"}
        there = await peers.join(two.here(bob))
        await told(peer, bob, "online")
        here = await peers.join(one.here(bob))
        await there.leave()
        await pause(GRACE_S + 1)  # long enough to show, were it wrong
        assert await watched(peer, bob) == {bob.id: "online"}
        await here.leave()
        await told(peer, bob, "offline")
        assert changes(peer) == [{bob.id: "online"}, {bob.id: "offline"}]


async def test_a_reconnect_to_another_process_is_not_sent(
    ada: Person, bob: Person, process_a: ServerProcess, process_b: ServerProcess, peers: Peers
) -> None:
    """Within the grace, which is half a minute here."""
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    there = await peers.join(bob)
    await watched(peer, bob)
    await told(peer, bob, "online")
    before = len(changes(peer))
    for process in (process_a, process_b, process_a):
        await there.leave()
        there = await peers.join(process.here(bob))
        await pause(GRACE_S)
    await peer.settled()
    assert len(changes(peer)) == before


async def test_the_users_of_a_killed_process_go_offline_with_its_lease(
    cluster_settings: Settings, ada: Person, bob: Person, peers: Peers, tmp_path: Path
) -> None:
    """And not before: Redis knows when the lease of each process ends."""
    times = {"presence_ttl_s": TTL_S, "presence_grace_s": GRACE_S}
    settings = override(cluster_settings, realtime=times)
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    async with run_process(settings, tmp_path) as three:
        await peers.join(three.here(bob))
        await watched(peer, bob)
        await told(peer, bob, "online")
        three.signal(signal.SIGKILL)
        await three.ended()
        ends_ms = await last_lease_with(bob, cluster_settings)
        await told(peer, bob, "offline")
        assert time.time() * 1000 >= ends_ms


async def last_lease_with(person: Person, settings: Settings) -> int:
    """The end of the last lease under which a process keeps the person online, in Unix
    milliseconds; 0 if there is none."""
    async with Client.from_url(settings.redis.url) as redis:
        keys: list[Any] = await redis.keys(f"{settings.redis.prefix}:presence:*")
        user: Any = UUID(person.id).bytes
        theirs = [key for key in keys if await redis.sismember(key, user)]
        return max([await redis.pexpiretime(key) for key in theirs], default=0)


async def test_a_process_that_stops_in_order_leaves_its_users_the_presence_grace(
    cluster_settings: Settings,
    ada: Person,
    bob: Person,
    process_b: ServerProcess,
    peers: Peers,
    tmp_path: Path,
) -> None:
    """In a deploy the client reconnects to another process, and no change of presence is sent."""
    await ada.makes_room("private", bob)
    peer = await peers.join(ada)
    long = override(cluster_settings, realtime={"presence_grace_s": 3600})
    async with run_process(long, tmp_path) as three:
        await peers.join(three.here(bob))
        await watched(peer, bob)
        await told(peer, bob, "online")
        before = len(changes(peer))
        three.signal(signal.SIGTERM)
        await three.ended()
    await pause(GRACE_S + 1)
    await peers.join(process_b.here(bob))
    await peer.settled()
    assert await watched(peer, bob) == {bob.id: "online"}
    assert len(changes(peer)) == before


@pytest.mark.parametrize("trouble", ["killed", "frozen"])
async def test_presence_is_unknown_while_redis_is_unavailable(
    redis_server: RedisServer, ada: Person, bob: Person, peers: Peers, trouble: str
) -> None:
    room = await ada.makes_room("private", bob)
    peer, there = await peers.join(ada, room), await peers.join(bob, room)
    await watched(peer, bob, ada)
    await told(peer, bob, "online")
    await told(peer, ada, "online")
    before = len(changes(peer))
    with getattr(redis_server.server, trouble)():
        await told(peer, bob, "unknown")
        await told(peer, ada, "unknown")
        assert await watched(peer, bob) == {bob.id: "unknown"}
        await peer.says(room)
    await told(peer, bob, "online")
    await there.settled()
    assert all("offline" not in frame.values() for frame in changes(peer)[before:])


async def test_typing_is_sent_to_other_processes(
    ada: Person, bob: Person, process_a: ServerProcess, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    here, there = await peers.join(ada, room), await peers.join(bob, room)
    await types(here, room)
    await shows(there, room, ada)
    await here.says(room)
    await shows(there, room)
    again = await peers.join(process_a.here(bob), room)
    await types(again, room)
    await shows(here, room, bob)
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await shows(here, room)
    await there.expect("room.closed")


async def test_typing_without_redis_stays_in_the_process(
    redis_server: RedisServer, ada: Person, bob: Person, process_a: ServerProcess, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    here, there = await peers.join(ada, room), await peers.join(bob, room)
    beside = await peers.join(process_a.here(bob), room)
    with redis_server.server.killed():
        await types(here, room)
        await shows(beside, room, ada)
    await here.says(room)  # also of this kind nothing comes later
    await there.has(room, 4)
    await there.settled()
    assert there.of("typing") == []
