"""The bus while Redis fails or other programs write to it, and when it reports a possible loss."""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis as Client
from structlog.testing import CapturingLogger

from app.bus import publish_queue
from app.bus.codec import ORIGIN_BYTES, encode, partition
from app.bus.redis import RedisBus
from app.core import cancellation
from app.settings import Redis
from testkit.servers.redis import RedisServer
from testkit.waiting import eventually, limit, pause
from tests.contracts.buses import TOPIC, RecordingListener, breaks_redis, publication, run_buses


async def test_foreign_messages_on_the_channel_are_ignored(
    bus: RedisBus, other: RedisBus, settings: Redis, raw: Client
) -> None:
    channel = f"{settings.prefix}:{partition(TOPIC, settings.partitions)}"
    whole = encode(publication(7), bytes(ORIGIN_BYTES))
    foreign = [b"", b"hello", b"\xff" * 100, whole[:57], b"\2" + whole[1:]]
    ear = RecordingListener(other)
    async with run_buses(bus, other):
        for payload in foreign:
            assert await raw.publish(channel, payload) == 2
        bus.publish([publication(1)])
        await eventually(lambda: ear.publications)
        assert ear.publications == [publication(1)]
        assert other.healthy


async def test_the_publish_queue_is_bounded(bus: RedisBus, other: RedisBus) -> None:
    """The oldest publications are evicted, and the other processes get a loss notice."""
    ear, own_ear = RecordingListener(other), RecordingListener(bus)
    too_many = publish_queue.MAX_PAYLOADS + 100
    async with run_buses(bus, other):
        bus.publish([publication(seq) for seq in range(too_many)])
        assert own_ear.seqs == list(range(too_many))
        await eventually(lambda: ear.seqs[-1:] == [too_many - 1] and ear.doubts)
    assert ear.seqs == list(range(100, too_many))
    assert not own_ear.doubts


@breaks_redis
async def test_the_bus_starts_without_redis(
    bus: RedisBus, other: RedisBus, redis_server: RedisServer
) -> None:
    ear, own_ear = RecordingListener(other), RecordingListener(bus)
    with redis_server.server.killed():
        await asyncio.gather(bus.start(), other.start())
        assert not bus.healthy
        bus.publish([publication(1)])
        assert own_ear.seqs == [1]
    try:
        await eventually(lambda: bus.healthy and other.healthy)
        assert ear.doubts
        assert own_ear.doubts
        bus.publish([publication(2)])
        await eventually(lambda: 2 in ear.seqs)
    finally:
        await bus.stop()
        await other.stop()


@breaks_redis
async def test_the_bus_reconnects_after_redis_was_killed(
    bus: RedisBus, other: RedisBus, redis_server: RedisServer
) -> None:
    ear = RecordingListener(other)
    async with run_buses(bus, other):
        with redis_server.server.killed():
            await eventually(lambda: not bus.healthy and not other.healthy)
            bus.publish([publication(1)])
        await eventually(lambda: bus.healthy and other.healthy)
        assert ear.doubts
        bus.publish([publication(2)])
        await eventually(lambda: 2 in ear.seqs)


@pytest.mark.parametrize("trouble", ["killed", "frozen"])
@breaks_redis
async def test_volatile_publications_are_dropped_while_redis_is_unavailable(
    bus: RedisBus, other: RedisBus, redis_server: RedisServer, trouble: str
) -> None:
    ear, own_ear = RecordingListener(other), RecordingListener(bus)
    async with run_buses(bus, other):
        with getattr(redis_server.server, trouble)():
            for seq in range(100):
                bus.publish_volatile([publication(seq)])
                if seq % 10 == 0:
                    await pause(0.05)
            await eventually(lambda: not bus.healthy)
            bus.publish([publication(1000)])
            bus.publish_volatile([publication(1001)])
        await eventually(lambda: bus.healthy and other.healthy)
        bus.publish_volatile([publication(2000)])
        bus.publish([publication(3000)])
        await eventually(lambda: 3000 in ear.seqs)
    assert 1001 not in ear.seqs
    assert 2000 in ear.seqs
    whispered = [seq for seq in ear.seqs if seq < 100]
    assert len(whispered) == len(set(whispered)), "a frozen Redis may have taken some"
    assert trouble == "frozen" or not whispered
    assert len(own_ear.publications) == 104


@breaks_redis
async def test_stop_does_not_wait_for_an_unavailable_redis(
    bus: RedisBus, redis_server: RedisServer
) -> None:
    await bus.start()
    with redis_server.server.frozen():
        bus.publish([publication(1)])
        await bus.stop()


async def test_the_bus_can_be_stopped_at_any_time(
    settings: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling a task once is not enough: see `_end`."""
    monkeypatch.setattr(cancellation, "CANCEL_INTERVAL_S", 0.005)
    before = asyncio.all_tasks()
    for turns in range(60):
        bus = RedisBus(settings)
        start = asyncio.create_task(bus.start())
        for _ in range(turns):
            await asyncio.sleep(0)
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
        async with limit():
            await bus.stop()
    # Servers of other tests have tasks that come and go.
    await eventually(lambda: asyncio.all_tasks() <= before)


async def test_an_unconfirmed_subscription_is_retried(settings: Redis) -> None:
    connections = 0

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while data := await reader.read(65536):
            writer.write(b"+OK\r\n" * data.count(b"SETINFO"))
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        url = f"redis://127.0.0.1:{port}"
        bus = RedisBus(settings.model_copy(update={"url": url, "timeout_s": 0.1}))
        async with run_buses(bus):
            await eventually(lambda: connections > 2)
            assert not bus.healthy


async def test_a_killed_subscription_is_a_possible_loss(
    bus: RedisBus, other: RedisBus, raw: Client
) -> None:
    ears = RecordingListener(bus), RecordingListener(other)

    async def kill(nth: int) -> None:
        before = max(ear.doubts for ear in ears)
        assert await raw.client_kill_filter(_type="pubsub") >= 2
        await eventually(lambda: all(ear.doubts > before for ear in ears))
        bus.publish([publication(nth)])
        await eventually(lambda: nth in ears[1].seqs)
        await eventually(lambda: bus.healthy and other.healthy)

    async with run_buses(bus, other):
        for nth in (1, 2):
            await kill(nth)


async def test_a_killed_publish_connection_loses_no_publication(
    bus: RedisBus, other: RedisBus, raw: Client
) -> None:
    ear = RecordingListener(other)
    async with run_buses(bus, other):
        for seq in range(2000):
            bus.publish([publication(seq)])
            if seq % 200 == 100:
                await raw.client_kill_filter(_type="normal", skipme=True)
        await eventually(lambda: ear.seqs[-1:] == [1999])
    assert list(dict.fromkeys(ear.seqs)) == list(range(2000))


@breaks_redis
async def test_a_frozen_redis_is_detected_and_blocks_no_publisher(
    bus: RedisBus, other: RedisBus, redis_server: RedisServer, raw: Client
) -> None:
    ear, own_ear = RecordingListener(other), RecordingListener(bus)
    async with run_buses(bus, other):
        before = await _links(raw)
        with redis_server.server.frozen():
            await eventually(lambda: not bus.healthy and not other.healthy)
            stops = Stops()
            for turn in range(300):
                bus.publish([publication(turn)])
                await pause(0.01)
                stops.note()
            assert stops.longest_s < 0.9, "less than the timeout of a question to Redis"
            assert len(own_ear.publications) == 300
        await eventually(lambda: bus.healthy and other.healthy)
        assert ear.doubts
        assert own_ear.doubts
        assert not before & await _links(raw), "a link that is dead for good would have stayed"
        bus.publish([publication(0)])
        await eventually(lambda: 0 in ear.seqs)


class Stops:
    """The longest time in which this thread did nothing, without the time in which it waited for a
    CPU."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._last = self._now()

    def note(self) -> None:
        now = self._now()
        self.longest_s = max(self.longest_s, now - self._last)
        self._last = now

    @staticmethod
    def _now() -> float:
        """The second number is the time on the run queue, in nanoseconds."""
        ready_ns = int(Path("/proc/thread-self/schedstat").read_text().split()[1])
        return time.monotonic() - ready_ns / 1e9


async def _links(raw: Client) -> set[str]:
    return {client["id"] for client in await raw.client_list(_type="pubsub")}


async def test_an_unexpected_subscription_is_a_possible_loss(bus: RedisBus) -> None:
    """It shows that redis-py has reconnected on its own, which it is configured not to do."""
    ear = RecordingListener(bus)
    bus._handle({"type": "subscribe", "channel": b"any", "data": 1})
    assert ear.doubts == 1


async def test_a_bus_without_publish_permission_still_receives(
    other: RedisBus, settings: Redis, raw: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = CapturingLogger()
    monkeypatch.setattr(publish_queue, "log", logged)
    name = settings.prefix
    rules = ("on", ">secret", "~*", "&*", "+@all", "-publish")
    await raw.execute_command("ACL", "SETUSER", name, *rules)  # type: ignore[no-untyped-call]
    url = urlsplit(settings.url)
    mute_url = url._replace(netloc=f"{name}:secret@{url.hostname}:{url.port}").geturl()
    mute = RedisBus(settings.model_copy(update={"url": mute_url, "timeout_s": 1.0}))
    ear = RecordingListener(mute)

    def hears() -> bool:
        """Whether the bus receives publications. A bus without probes subscribes again every few
        seconds and misses publications in between, so one is not enough."""
        other.publish([publication(2)])
        return 2 in ear.seqs

    async with run_buses(mute, other):
        assert not mute.healthy
        mute.publish([publication(1)])
        assert ear.seqs == [1]
        await eventually(hears)
        await eventually(lambda: logged.calls)
    await raw.acl_deluser(name)
    assert "publish" in str(logged.calls)
    assert "seq" not in str(logged.calls), "what people write does not belong in a log"
