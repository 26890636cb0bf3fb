"""Two processes on one MariaDB and one Redis behave like one server."""

import asyncio
import itertools
import random
from pathlib import Path
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed

from app.settings import Settings
from testkit.answers import assert_ok
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from testkit.processes import ServerProcess, run_process
from testkit.server import TestServer, new_session
from testkit.servers.backend import override
from testkit.servers.redis import RedisServer
from testkit.waiting import limit, pause
from tests.realtime.test_removal import check_farewell

pytestmark = pytest.mark.cluster


@pytest.fixture
async def ada(cluster_server: TestServer, process_a: ServerProcess) -> Person:
    """A client of the first process."""
    return process_a.here(await cluster_server.person(process_a._http, "ada"))


@pytest.fixture
async def bob(cluster_server: TestServer, process_b: ServerProcess) -> Person:
    """A client of the second process."""
    return process_b.here(await cluster_server.person(process_b._http, "bob"))


async def test_two_processes_exchange_messages(ada: Person, bob: Person, peers: Peers) -> None:
    room = await ada.makes_room("private", bob)
    here, there = await peers.join(ada, room), await peers.join(bob, room)
    await here.says(room, "from a socket of one")
    await there.has(room, 4)
    await there.says(room, "from a socket of two")
    await here.has(room, 5)
    await ada.says(room, "over HTTP, from one")
    await there.has(room, 6)
    await bob.says(room, "over HTTP, from two")
    await here.has(room, 7)
    assert here.events(room) == there.events(room)
    assert here.seqs(room) == [4, 5, 6, 7]


async def test_equal_sends_to_two_processes_are_one_message(
    ada: Person, process_a: ServerProcess, process_b: ServerProcess, peers: Peers
) -> None:
    room, nonce = await ada.makes_room(), uuid4().hex
    there = process_b.here(ada)
    watcher = await peers.join(ada, room)
    sockets = [await peers.join(person) for person in (ada, there) for _ in range(4)]
    posted, acks = await asyncio.gather(
        asyncio.gather(*((ada, there)[n % 2].sends(room, "once", nonce) for n in range(50))),
        asyncio.gather(*(sockets[n % 8].says(room, "once", nonce) for n in range(50))),
    )
    assert len(posted) + len(acks) == 100
    assert {answer.json()["seq"] for answer in posted} | {ack["seq"] for ack in acks} == {3}
    created = [a for a in posted if a.status_code == 201] + [a for a in acks if not a["duplicate"]]
    assert len(created) == 1
    await there.says(room, "next")
    await watcher.has(room, 4)
    assert watcher.seqs(room) == [3, 4]
    assert [event["seq"] for event in await ada.log(room)] == [1, 2, 3, 4]


async def test_concurrent_senders_on_two_processes_leave_a_log_without_gaps(
    cluster_server: TestServer, process_a: ServerProcess, process_b: ServerProcess, peers: Peers
) -> None:
    everybody = await cluster_server.people(process_a._http, *"vwxyz")
    room = await everybody[0].makes_room("private", *everybody[1:])
    sockets = [
        await peers.join(process.here(person), room)
        for person in everybody
        for process in (process_a, process_b)
    ]

    async def talk(peer: Peer) -> list[Frame]:
        return [await peer.says(room, str(number)) for number in range(20)]

    acks = await asyncio.gather(*map(talk, sockets))
    assert sorted(ack["seq"] for own in acks for ack in own) == list(range(7, 207))
    for peer in sockets:
        await peer.has(room, 206)
        assert peer.seqs(room) == list(range(7, 207))


async def test_a_logout_closes_sockets_on_both_processes(
    cluster_server: TestServer, ada: Person, process_b: ServerProcess, peers: Peers
) -> None:
    elsewhere = await new_session(cluster_server, ada)
    there = await peers.join(process_b.here(ada))
    stays = await peers.join(process_b.here(elsewhere))
    assert_ok(await ada.post("/auth/logout"), 204)
    assert await there.closed() == 4403
    await stays.settled()


async def test_a_removal_on_another_process_ends_delivery(
    ada: Person, bob: Person, peers: Peers
) -> None:
    """Twenty rounds: ada sends on one process, and bob, who listens on both, is removed."""
    room = await ada.makes_room("private")
    peer, writer = await peers.join(bob), await peers.join(ada)
    chance = random.Random(3)
    for _ in range(20):
        assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
        head = (await ada.room(room))["seq"]
        peer.frames.clear()
        await peer.opens(room, since=head)
        for _ in range(chance.randint(0, 4)):
            await writer.send("message.send", room=room, nonce=uuid4().hex, text="x")
        removal = asyncio.create_task(ada.delete(f"/rooms/{room}/members/{bob.id}"))
        for _ in range(chance.randint(0, 4)):
            await writer.send("message.send", room=room, nonce=uuid4().hex, text="x")
        assert_ok(await removal, 204)
        await writer.settled()
        await peer.expect("room.closed", room=room)
        await peer.settled()
        check_farewell(peer, room, head + 1, "removed")


async def test_updates_of_the_list_and_read_markers_reach_the_other_process(
    ada: Person, bob: Person, peers: Peers
) -> None:
    here, there = await peers.join(ada), await peers.join(bob)
    room = await ada.makes_room("private", bob)
    await there.lists(room, mentions=0)
    await ada.says(room, f"@{bob.username}")
    await there.lists(room, mentions=1)
    await here.opens(room)
    assert (await there.ask("read", room=room, seq=4))["seq"] == 4
    assert (await here.expect("read"))["user"] == bob.id


async def test_a_new_name_reaches_the_other_process(ada: Person, bob: Person, peers: Peers) -> None:
    await ada.makes_room("private", bob)
    there = await peers.join(bob)
    assert_ok(await ada.patch("/users/me", display_name="Ada Lovelace"))
    assert (await there.expect("user.changed"))["user"]["display_name"] == "Ada Lovelace"


async def test_a_process_that_starts_later_takes_part(
    cluster_settings: Settings, ada: Person, bob: Person, tmp_path: Path, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, "before")
    async with run_process(cluster_settings, tmp_path) as three:
        peer, other = await peers.join(three.here(bob), (room, 0)), await peers.join(ada, room)
        await peer.has(room, 4)
        await ada.says(room, "from one")
        await peer.has(room, 5)
        await peer.says(room, "from three")
        await other.has(room, 6)
        assert peer.seqs(room) == [1, 2, 3, 4, 5, 6]
        await peer.leave()


async def test_a_consumer_that_does_not_read_is_disconnected(
    cluster_settings: Settings, ada: Person, bob: Person, tmp_path: Path, peers: Peers
) -> None:
    """Under uvloop, which has its own buffers."""
    room = await ada.makes_room("private", bob)
    writer = await peers.join(ada)
    settings = override(cluster_settings, realtime={"send_stall_timeout_s": 5})
    async with run_process(settings, tmp_path) as three:
        fast, slow = [await peers.join(three.here(bob), room) for _ in range(2)]
        slow.stops_reading()
        async with limit():
            for seq in itertools.count(4):
                await writer.says(room, "🙂" * 3900)
                await fast.has(room, seq)
                if seq % 50 == 0:
                    if await is_dropped(slow):
                        break
                    await pause(1)
        await fast.settled()


async def is_dropped(peer: Peer) -> bool:
    """A peer that does not read notices a reset when it writes."""
    try:
        await peer.send("pong", n=1)
    except ConnectionClosed:
        return True
    return False


@pytest.mark.parametrize("trouble", ["killed", "frozen"])
async def test_without_redis_the_change_poller_delivers(
    redis_server: RedisServer, ada: Person, bob: Person, peers: Peers, trouble: str
) -> None:
    """The regular poll interval is an hour here; the degraded one finds the messages."""
    room = await ada.makes_room("private", bob)
    closed = await ada.makes_room("private", bob)
    here, there = await peers.join(ada, room), await peers.join(bob, room)
    with getattr(redis_server.server, trouble)():
        for number in range(3):
            await here.says(room, "from the one")
            await there.has(room, 4 + 2 * number)
            await there.says(room, "and from the other")
            await here.has(room, 5 + 2 * number)
        await ada.says(closed, "unread")
        await there.lists(closed, unread=1)
        new = await ada.makes_room("private", bob)
        await there.lists(new, seq=3)
    for peer in (here, there):
        assert peer.seqs(room) == [4, 5, 6, 7, 8, 9]
    await here.says(room, "as before")
    await there.has(room, 10)


async def test_messages_delivered_without_redis_are_not_delivered_again(
    redis_server: RedisServer, ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    here, there = await peers.join(ada, room), await peers.join(bob, room)
    with redis_server.server.killed():
        await here.says(room, "while it is away")
    for seq in range(5, 20):
        await here.says(room, "when it is back")
        await there.has(room, seq)
    assert here.seqs(room) == there.seqs(room) == list(range(4, 20))
