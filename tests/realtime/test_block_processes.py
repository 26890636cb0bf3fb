"""Blocks between processes: the lock of the direct room settles what comes first."""

import asyncio

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.people import Person
from testkit.processes import ServerProcess
from testkit.server import TestServer
from tests.realtime.items import has_item
from tests.realtime.test_blocks import block, unblock
from tests.realtime.test_presence import told, watched

pytestmark = pytest.mark.cluster


@pytest.fixture
async def ada(cluster_server: TestServer, process_a: ServerProcess) -> Person:
    return process_a.here(await cluster_server.person(process_a._http, "ada"))


@pytest.fixture
async def bob(cluster_server: TestServer, process_b: ServerProcess) -> Person:
    return process_b.here(await cluster_server.person(process_b._http, "bob"))


async def test_no_direct_message_is_committed_after_a_block(ada: Person, bob: Person) -> None:
    """Of the messages in flight some are refused; none comes after the answer to the block."""
    room = await ada.makes_room("direct", bob)
    refused = 0
    for number in range(8):
        sends = [asyncio.create_task(bob.sends(room, f"{number}")) for _ in range(6)]
        await asyncio.wait(sends[: number % 3 + 1], return_when=asyncio.FIRST_COMPLETED)
        await block(ada, bob)
        head = (await ada.room(room))["seq"]
        for answer in await asyncio.gather(*sends):
            if not answer.is_success:
                assert_problem(answer, "forbidden")
                refused += 1
        assert_problem(await bob.sends(room), "forbidden")
        assert (await ada.room(room))["seq"] == head
        await unblock(ada, bob)
        assert_ok(await bob.sends(room), 201)
    assert refused


async def test_devices_and_watchers_on_other_processes_follow_a_block(
    ada: Person, bob: Person, process_b: ServerProcess, peers: Peers
) -> None:
    await ada.makes_room("private", bob)
    tablet = await peers.join(process_b.here(ada))
    watcher = await peers.join(bob)
    await watched(watcher, ada)
    await told(watcher, ada, "online")
    await block(ada, bob)
    await has_item(tablet, "block", user=bob.id)
    await told(watcher, ada, "unknown")
    await unblock(ada, bob)
    await told(watcher, ada, "online")
