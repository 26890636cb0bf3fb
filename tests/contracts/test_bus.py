"""The contract of `Bus`: both implementations in one process, and Redis between processes."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest

from app.bus.base import Bus
from app.bus.redis import RedisBus
from app.core import cancellation
from app.core.publications import Publication
from app.wire.events import PublicationKind
from app.wire.seq import MAX_SEQ
from testkit.waiting import eventually
from tests.contracts.buses import RecordingListener, publication, run_buses

MakeBus = Callable[[], Bus]


# Both kinds.


async def test_publications_reach_their_own_process_in_order(make_bus: MakeBus) -> None:
    bus = make_bus()
    ear, other_ear = RecordingListener(bus), RecordingListener(bus)
    async with run_buses(bus):
        assert bus.healthy
        bus.publish([publication(1), publication(2)])
        bus.publish([publication(3)])
        assert (
            ear.publications
            == other_ear.publications
            == [publication(1), publication(2), publication(3)]
        )
    assert ear.doubts == 0


async def test_volatile_publications_reach_their_own_process_in_order(make_bus: MakeBus) -> None:
    bus = make_bus()
    ear = RecordingListener(bus)
    async with run_buses(bus):
        bus.publish([publication(1)])
        bus.publish_volatile([publication(2), publication(3)])
        bus.publish([publication(4)])
        assert ear.seqs == [1, 2, 3, 4]
    assert ear.doubts == 0


async def test_a_listener_that_raises_does_not_affect_others(make_bus: MakeBus) -> None:
    def fail(_poke: Publication) -> None:
        raise ValueError("a defect of the listener")

    bus = make_bus()
    bus.subscribe(fail, lambda: None)
    ear = RecordingListener(bus)
    async with run_buses(bus):
        bus.publish([publication(1), publication(2)])
        assert ear.seqs == [1, 2]


async def test_a_stopped_bus_leaves_no_tasks(make_bus: MakeBus) -> None:
    before = asyncio.all_tasks()
    bus = make_bus()
    ear = RecordingListener(bus)
    async with run_buses(bus):
        bus.publish([publication(1)])
    # Servers of other tests have tasks that come and go.
    await eventually(lambda: asyncio.all_tasks() <= before)
    bus.publish([publication(2)])
    assert ear.seqs == [1]


async def test_a_bus_that_was_never_started_can_be_stopped(make_bus: MakeBus) -> None:
    bus = make_bus()
    bus.publish([publication(1)])
    await bus.stop()


# Several processes.


async def test_other_processes_receive_exactly_what_was_published(
    bus: RedisBus, other: RedisBus
) -> None:
    publications = [
        Publication(kind, uuid4(), MAX_SEQ, uuid4(), "é\0\n".encode()) for kind in PublicationKind
    ]
    publications.append(Publication(PublicationKind.SESSION_REVOKED, uuid4(), 0, uuid4()))
    ear = RecordingListener(other)
    async with run_buses(bus, other):
        bus.publish(publications)
        await eventually(lambda: len(ear.publications) == len(publications))
    assert {p.channel: p for p in ear.publications} == {p.channel: p for p in publications}


async def test_other_processes_receive_a_channel_in_order(bus: RedisBus, other: RedisBus) -> None:
    topics = [uuid4() for _ in range(5)]
    ear = RecordingListener(other)
    async with run_buses(bus, other):
        for seq in range(1000):  # more than one round trip
            bus.publish([publication(seq, topic) for topic in topics])
            if seq % 100 == 0:
                await asyncio.sleep(0)
        await eventually(lambda: len(ear.publications) == 5000)
    for topic in topics:
        assert [p.seq for p in ear.publications if p.channel == topic] == list(range(1000))
    assert ear.doubts == 0


async def test_other_processes_receive_volatile_publications_in_order(
    bus: RedisBus, other: RedisBus
) -> None:
    ear = RecordingListener(other)
    async with run_buses(bus, other):
        for seq in range(0, 300, 3):
            bus.publish([publication(seq)])
            bus.publish_volatile([publication(seq + 1)])
            bus.publish([publication(seq + 2)])
            await asyncio.sleep(0)
        await eventually(lambda: 299 in ear.seqs)
    assert ear.seqs == list(range(300))


async def test_a_process_does_not_receive_its_own_publications_again(
    bus: RedisBus, other: RedisBus
) -> None:
    ear, other_ear = RecordingListener(bus), RecordingListener(other)
    async with run_buses(bus, other):
        bus.publish([publication(1), publication(2)])
        await eventually(lambda: other_ear.seqs == [1, 2])
        other.publish([publication(3)])  # comes to `bus` after its echoes would have come
        await eventually(lambda: 3 in ear.seqs)
    assert ear.seqs == other_ear.seqs == [1, 2, 3]


async def test_stop_sends_queued_publications(
    bus: RedisBus, other: RedisBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancellation, "CANCEL_INTERVAL_S", 0.001)  # nothing is sent by luck
    ear = RecordingListener(other)
    async with run_buses(other):
        async with run_buses(bus):
            bus.publish([publication(seq) for seq in range(1000)])
        await eventually(lambda: ear.seqs == list(range(1000)))


async def test_a_listener_that_raises_does_not_end_the_subscription(
    bus: RedisBus, other: RedisBus
) -> None:
    def fail(_poke: Publication) -> None:
        raise ValueError("a defect of the listener")

    other.subscribe(fail, lambda: None)
    ear = RecordingListener(other)
    async with run_buses(bus, other):
        bus.publish([publication(1), publication(2)])
        await eventually(lambda: ear.seqs == [1, 2])
    assert ear.doubts == 0
