"""A consumer handles every event of every room in order, despite failures."""

from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import update

from app.bus.memory import MemoryBus
from app.consumers import hints, runner
from app.consumers.base import Consumer, StartPosition
from app.consumers.runner import run_consumers
from app.core.publications import to_publication
from app.persistence.database import Database
from app.persistence.repositories.consumers import Standing
from app.persistence.tables import RoomEventRow
from app.persistence.uow import ReadSession
from app.settings import Consumers
from app.wire.events import MessageCreated, RoomCreated, RoomEvent
from testkit.waiting import eventually
from tests.consumers.recorder import Recorder
from tests.consumers.samples import open_rooms, standings
from tests.persistence.factories import send

NEVER_S = 10_000.0

pytestmark = pytest.mark.usefixtures("hasty")


def running(
    database: Database, bus: MemoryBus, *consumers: Consumer, compare_interval_s: float = NEVER_S
) -> AbstractAsyncContextManager[None]:
    settings = Consumers(compare_interval_s=compare_interval_s, lease_ttl_s=3600)
    return run_consumers(consumers, database, bus, settings)


async def publish(database: Database, bus: MemoryBus, seq: int, *rooms: UUID) -> None:
    async def events(reads: ReadSession) -> list[RoomEvent]:
        return await reads.events.list_ranges([(room, seq - 1, seq) for room in rooms])

    bus.publish([to_publication(event) for event in await database.read(events)])


async def until_stands(database: Database, standing: Standing) -> None:
    """Wait for a standing: a batch is handled a moment before its COMMIT."""

    async def stands() -> bool:
        return standing in await database.read(standings)

    await eventually(stands)


async def test_a_new_consumer_reads_old_logs_from_the_beginning(
    database: Database, bus: MemoryBus, sender: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, batch by batch, each log in order."""
    monkeypatch.setattr(runner, "ROOMS_PER_PAGE", 3)
    monkeypatch.setattr(runner, "ROOMS_PER_BATCH", 2)
    rooms = await open_rooms(database, sender, 7, 5)
    recorder = Recorder(max_events=4)
    async with running(database, bus, recorder):
        await eventually(lambda: len(recorder.handled) >= 7 * 6)
    for room in rooms:
        assert recorder.seqs(room) == [1, 2, 3, 4, 5, 6]
    assert max(len(ranges) for ranges in recorder.calls) == 2
    assert all(
        sum(span.until - span.after for span in ranges) <= recorder.max_events
        for ranges in recorder.calls
    )
    first, second = recorder.handled[:2]
    assert isinstance(first, RoomCreated)
    assert isinstance(second, MessageCreated)


async def test_a_consumer_that_starts_at_the_heads_gets_only_later_events(
    database: Database, bus: MemoryBus, sender: UUID
) -> None:
    """Of rooms that are there when it first runs; a later room has only later events."""
    old, quiet = await open_rooms(database, sender, 2, 2)
    recorder = Recorder(start_position=StartPosition.HEAD)
    async with running(database, bus, recorder):
        await until_stands(database, Standing("recorder", is_running=True, lag=0))
        await database.transact(send, old, sender, "hello", "later")
        (new,) = await open_rooms(database, sender, 1, 1)
        await publish(database, bus, 4, old)
        await publish(database, bus, 1, new)
        await eventually(lambda: recorder.seqs(new) == [1, 2])
        await eventually(lambda: recorder.seqs(old) == [4])
    assert recorder.seqs(quiet) == []


async def test_a_consumer_starts_at_the_heads_only_when_it_first_runs(
    database: Database, bus: MemoryBus, sender: UUID
) -> None:
    (room,) = await open_rooms(database, sender, 1, 1)
    first, second = (Recorder(start_position=StartPosition.HEAD) for _ in range(2))
    async with running(database, bus, first):
        await until_stands(database, Standing("recorder", is_running=True, lag=0))
    await database.transact(send, room, sender, "hello", "meanwhile")
    (new,) = await open_rooms(database, sender, 1, 0)
    async with running(database, bus, second):
        await eventually(lambda: second.seqs(room) == [3])
        await eventually(lambda: second.seqs(new) == [1])
    assert first.handled == []


async def test_two_runners_start_a_new_consumer_at_the_heads_once(
    database: Database, bus: MemoryBus, sender: UUID
) -> None:
    (room,) = await open_rooms(database, sender, 1, 1)
    recorders = [Recorder(start_position=StartPosition.HEAD) for _ in range(2)]
    async with running(database, bus, recorders[0]), running(database, bus, recorders[1]):
        await until_stands(database, Standing("recorder", is_running=True, lag=0))
        seq = await database.transact(send, room, sender, "hello", "later")
        await publish(database, bus, seq, room)
        await eventually(lambda: [seqs for r in recorders if (seqs := r.seqs(room))] == [[seq]])


async def test_a_publication_makes_the_consumer_read_the_next_event(
    database: Database, bus: MemoryBus, sender: UUID
) -> None:
    (room,) = await open_rooms(database, sender, 1, 1)
    recorder = Recorder()
    async with running(database, bus, recorder):
        await eventually(lambda: recorder.seqs(room) == [1, 2])
        seq = await database.transact(send, room, sender, "hello", "next")
        await publish(database, bus, seq, room)
        await eventually(lambda: recorder.seqs(room) == [1, 2, 3])


async def test_a_comparison_of_counters_finds_events_without_a_publication(
    database: Database, bus: MemoryBus, sender: UUID
) -> None:
    (room,) = await open_rooms(database, sender, 1, 1)
    recorder = Recorder()
    async with running(database, bus, recorder, compare_interval_s=0.02):
        await eventually(lambda: recorder.seqs(room) == [1, 2])
        await database.transact(send, room, sender, "hello", "unheard")
        await eventually(lambda: recorder.seqs(room) == [1, 2, 3])


async def test_a_comparison_of_counters_finds_publications_beyond_the_limit(
    database: Database, bus: MemoryBus, sender: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "MAX_HINTS", 1)
    rooms = await open_rooms(database, sender, 3, 0)
    recorder = Recorder()
    async with running(database, bus, recorder):
        await eventually(lambda: len(recorder.handled) == 3)
        for room in rooms:
            await database.transact(send, room, sender, "hello", "next")
        await publish(database, bus, 2, *rooms[:2])
        await eventually(lambda: len(recorder.handled) == 6)


async def test_events_of_a_newer_release_are_handled_as_envelopes(
    database: Database, bus: MemoryBus, sender: UUID
) -> None:
    (room,) = await open_rooms(database, sender, 1, 2)
    async with database._engines.write.begin() as connection:
        await connection.execute(
            update(RoomEventRow)
            .where(RoomEventRow.seq == 2)
            .values(type="message.levitated", message_seq=None, body='{"height": 3}')
        )
    recorder = Recorder()
    async with running(database, bus, recorder):
        await eventually(lambda: recorder.seqs(room) == [1, 2, 3])
    newer = recorder.handled[1]
    assert type(newer) is RoomEvent
    assert newer.type == "message.levitated"
    assert newer.model_dump()["height"] == 3


async def test_a_failing_room_is_retried_and_delays_no_other_room(
    database: Database, bus: MemoryBus, sender: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, *_ = await open_rooms(database, sender, 4, 2)
    recorder, other = Recorder(), Recorder()
    other.name = "other"
    recorder.failing = {bad}
    async with running(database, bus, recorder, other):
        await eventually(lambda: len(recorder.handled) == 3 * 3)
        await eventually(lambda: other.seqs(bad) == [1, 2, 3])
        seq = await database.transact(send, good, sender, "hello", "next")
        await publish(database, bus, seq, good)
        await eventually(lambda: recorder.seqs(good) == [1, 2, 3, 4])
        await until_stands(database, Standing("recorder", is_running=True, lag=3))
        attempts = len(recorder.calls)
        await eventually(lambda: len(recorder.calls) >= attempts + 3)
        assert recorder.seqs(bad) == []
        recorder.failing = set()
        await eventually(lambda: recorder.seqs(bad) == [1, 2, 3])
    assert "consumer.batch_failed" in capsys.readouterr().out


async def test_the_lease_is_released_when_the_runner_stops(
    database: Database, bus: MemoryBus, sender: UUID
) -> None:
    await open_rooms(database, sender, 1, 1)
    recorder = Recorder()
    async with running(database, bus, recorder):
        await eventually(lambda: len(recorder.handled) == 2)
        await until_stands(database, Standing("recorder", is_running=True, lag=0))
    assert await database.read(standings) == [Standing("recorder", is_running=False, lag=0)]


async def test_one_of_two_runners_runs_the_consumer_and_the_other_takes_over(
    database: Database, bus: MemoryBus, sender: UUID
) -> None:
    (room,) = await open_rooms(database, sender, 1, 1)
    first, second = Recorder(), Recorder()
    async with running(database, bus, second), running(database, bus, first):
        await eventually(lambda: first.handled or second.handled)
        active, idle = (first, second) if first.handled else (second, first)
        for n in range(3):
            seq = await database.transact(send, room, sender, "hello", f"next{n}")
            await publish(database, bus, seq, room)
            await eventually(lambda: len(active.seqs(room)) == n + 3)  # noqa: B023
        assert idle.calls == []
        await until_stands(database, Standing("recorder", is_running=True, lag=0))
    second = Recorder()
    async with running(database, bus, second):
        await database.transact(send, room, sender, "hello", "last")
        await eventually(lambda: second.seqs(room) == [6])


async def test_ranges_are_contiguous_while_messages_are_sent(
    database: Database, bus: MemoryBus, sender: UUID
) -> None:
    rooms = await open_rooms(database, sender, 3, 0)
    recorder = Recorder(max_events=5)
    async with running(database, bus, recorder, compare_interval_s=0.02):
        for n in range(60):
            room = rooms[n % 3]
            seq = await database.transact(send, room, sender, "hello", f"n{n}")
            if n % 4:
                await publish(database, bus, seq, room)
        await eventually(lambda: len(recorder.handled) >= 63)
    ranges = [span for ranges in recorder.calls for span in ranges]
    for room in rooms:
        parts = [(span.after, span.until) for span in ranges if span.room == room]
        assert parts[0][0] == 0
        assert parts[-1][1] == 21
        assert all(left[1] == right[0] for left, right in pairwise(parts))
