"""The change poller finds lost publications that have no successor.

The bus drops everything in these tests, and no other mechanism runs for minutes.
"""

import time
from uuid import UUID

import pytest

from app.realtime.delivery import seq_tracker as heard_module
from app.realtime.delivery.seq_tracker import SeqRange, SeqTracker
from app.wire.errors import Busy
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.server import new_session
from testkit.waiting import eventually
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.hooks import LossyBus, QueryCounter

A, B = UUID(int=1), UUID(int=2)


@pytest.fixture
async def server(start: StartServer) -> DedicatedServer:
    return await start(
        realtime={"change_poll_interval_ms": 100, "change_poll_interval_degraded_ms": 50}
    )


async def test_the_change_poller_finds_the_lost_last_event_of_an_open_room(
    server: DedicatedServer, peers: Peers
) -> None:
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(2)]
    peer = await peers.join(ada, *rooms)
    LossyBus(server, drops_all=True)
    await ada.says(rooms[0], "lost", "lost")
    await peer.has(rooms[0], 4)
    assert [peer.seqs(room) for room in rooms] == [[3, 4], []]


async def test_the_change_poller_finds_the_lost_last_event_of_a_closed_room(
    server: DedicatedServer, peers: Peers
) -> None:
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    LossyBus(server, drops_all=True)
    await ada.says(room, "lost", f"@{bob.username}")
    await peer.lists(room, seq=5, unread=2, mentions=1)


async def test_the_change_poller_finds_lost_joins_and_leaves(
    server: DedicatedServer, peers: Peers
) -> None:
    ada, bob = await server.person("ada"), await server.person("bob")
    left, removed = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    LossyBus(server, drops_all=True)
    new = await ada.makes_room("private", bob)
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    assert_ok(await ada.delete(f"/rooms/{removed}/members/{bob.id}"), 204)
    await peer.lists(new, seq=3, unread=0)
    await peer.loses(left)
    await peer.loses(removed)
    await ada.says(removed, "unheard")
    await ada.says(new, "heard")
    await peer.lists(new, unread=1)
    assert not peer.updates(removed)


async def test_the_change_poller_finds_a_lost_join_before_an_event_that_was_received(
    server: DedicatedServer, peers: Peers
) -> None:
    """The later event reveals the gap only if the room is open."""
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private")
    peer = await peers.join(bob)
    loss = LossyBus(server, drops_all=True)
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    loss.drops_all = False
    await ada.says(room, "heard")
    await peer.lists(room, seq=4, unread=1)


async def test_the_change_poller_finds_lost_read_markers(
    server: DedicatedServer, peers: Peers
) -> None:
    """They are in the reader's log and do not change the room."""
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, "unread")
    peer, other = await peers.join(bob), await peers.join(await new_session(server.running, bob))
    LossyBus(server, drops_all=True)
    await peer.ask("read", room=room, seq=4)
    await other.lists(room, read_seq=4, unread=0)


async def test_a_failed_change_poll_is_made_up_for(
    server: DedicatedServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    reads = QueryCounter(server, monkeypatch)
    reads.failures["_changes"] = [Busy("test") for _ in range(3)]
    LossyBus(server, drops_all=True)
    await ada.says(room, "lost")
    await peer.has(room, 3)
    await eventually(lambda: not reads.failures["_changes"])


async def test_the_change_poller_does_not_read_rooms_without_a_gap(
    server: DedicatedServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    reads = QueryCounter(server, monkeypatch)
    await reads.until("_changes")
    await reads.until("_changes")
    looked = reads.count["_membership_events"]
    await ada.says(room, "heard")
    await peer.lists(room, unread=1)
    for _ in range(3):
        await reads.until("_changes")
    assert reads.count["_membership_events"] == looked
    assert len(peer.list_updates()) == 1


@pytest.mark.setting("CHAT_REALTIME__CHANGE_POLL_INTERVAL_MS")
async def test_the_change_poll_interval_is_kept(
    start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(
        realtime={"change_poll_interval_ms": 4000, "change_poll_interval_degraded_ms": 50}
    )
    await _expect_long_pauses(server, monkeypatch)


@pytest.mark.setting("CHAT_REALTIME__CHANGE_POLL_INTERVAL_DEGRADED_MS")
async def test_the_degraded_change_poll_interval_is_kept(
    start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(
        realtime={"change_poll_interval_ms": 100, "change_poll_interval_degraded_ms": 4000}
    )
    await _expect_long_pauses(server, monkeypatch)


async def _expect_long_pauses(server: DedicatedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses are longer than the defaults, so the speed of the machine does not matter."""
    reads = QueryCounter(server, monkeypatch)
    await reads.until("_changes")
    began = time.monotonic()
    await reads.until("_changes")
    assert time.monotonic() - began > 3.5


def test_the_seq_tracker_moves_only_without_a_gap() -> None:
    heard = SeqTracker()
    assert heard.missed({A: 3, B: 0}) == [SeqRange(A, 0, 3)]
    heard.mark_checked({A: 3, B: 0})
    for seq in (3, 4, 5, 7, 2**53 - 1, 6):
        heard.note(A, seq)
    assert heard.missed({A: 5}) == []
    assert heard.missed({A: 6}) == []
    assert heard.missed({A: 7}) == [SeqRange(A, 6, 7)]
    heard.mark_checked({A: 5})
    assert heard.missed({A: 7}) == [SeqRange(A, 6, 7)], (
        "a sweep that read earlier takes nothing back"
    )


def test_the_seq_tracker_bounds_the_look_back() -> None:
    heard = SeqTracker()
    assert heard.missed({A: 10**6}) == [SeqRange(A, 10**6 - heard_module.MAX_LOOKBACK, 10**6)]


def test_the_seq_tracker_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard_module, "MAX_ROOMS", 10)
    heard = SeqTracker()
    for number in range(100):
        heard.mark_checked({UUID(int=number): 1})
    assert len(heard._contiguous_seqs) <= 12
