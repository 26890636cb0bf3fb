"""One message to 10,000 sockets of one process, and what another room notices of it."""

import asyncio
import itertools
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from uuid import UUID

from app.settings import Settings
from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, metric, ratio_metric
from bench.client import CHAT, LoadClient, abort_all, check_connected, connect_all, message_frame
from bench.environment import BenchEnvironment, Sample
from bench.seed_data import SeededUser, seed_database
from bench.stats import percentile

PAUSE_S = 0.5  # between two messages to the large room
OTHER_PER_S = 50  # messages to the other room
ARRIVAL_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class TwoRooms:
    """The last two users are in the other room, all others in the large one."""

    settings: Settings
    users: list[SeededUser]
    large: UUID
    other: UUID


@asynccontextmanager
async def two_rooms(env: BenchEnvironment) -> AsyncIterator[TwoRooms]:
    count = env.scale(10_000, 200)
    async with env.mariadb_database() as url:
        settings = env.settings(url)
        users, (large, other) = await seed_database(
            settings, count + 2, 2, lambda user: [int(user >= count)]
        )
        yield TwoRooms(settings, users, large, other)


def measure(
    *, large_room_is_busy: bool
) -> Callable[[BenchEnvironment, TwoRooms], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, rooms: TwoRooms) -> Sample:
        clients = [LoadClient(CHAT, user.hello(user.rooms)) for user in rooms.users]
        audience, (sender, receiver) = clients[:-2], clients[-2:]
        async with env.chat_server(rooms.settings) as server:
            try:
                await connect_all(clients, server.port)
                for client in audience[1:]:
                    client.count_only()
                other = asyncio.create_task(_measure_other(env, sender, receiver, rooms.other))
                with env.metered(server) as usage:
                    arrivals = await _measure_large(env, audience, rooms.large, other)
                    latencies = await other
                check_connected(clients)
            finally:
                abort_all(clients)
        sample = usage | {
            "other_p95_ms": percentile(latencies, 0.95) * 1000,
            "expected": float(len(latencies)),
            "received": float(len(latencies)),
        }
        return sample | ({"last_ms": median(arrivals) * 1000} if arrivals else {})

    async def _measure_large(
        env: BenchEnvironment,
        audience: Sequence[LoadClient],
        room: UUID,
        other: "asyncio.Task[array[float]]",
    ) -> list[float]:
        """Until the other room is measured: the times until the last socket had a message."""
        arrivals = []
        while large_room_is_busy and not other.done():
            arrivals.append(await measure_arrival(env, audience, room))
            await asyncio.sleep(PAUSE_S)
        return arrivals

    return run


_numbers = itertools.count()


async def measure_arrival(
    env: BenchEnvironment, audience: Sequence[LoadClient], room: UUID
) -> float:
    """Send a message, and return the time until every socket has all of it. The first client reads,
    and tells how long its frame is; the others count bytes."""
    clock = asyncio.get_running_loop().time
    reader, others = audience[0], audience[1:]
    before = sum(client.counted_bytes or 0 for client in others)
    began, bytes_before = clock(), reader.event_bytes
    done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    received = 0

    def check(count: int) -> None:
        nonlocal received
        received += count
        size = reader.event_bytes - bytes_before
        if size and received >= size * len(others) and not done.done():
            done.set_result(clock() - began)

    for client in others:
        client.on_bytes = check
    reader.on_event = lambda *_: check(0)
    number = next(_numbers)
    reader.send(message_frame(str(room), number, env.text(number)))
    taken_s = await asyncio.wait_for(done, ARRIVAL_TIMEOUT_S)
    after = sum(client.counted_bytes or 0 for client in others)
    assert after - before == (reader.event_bytes - bytes_before) * len(others)
    return taken_s


async def _measure_other(
    env: BenchEnvironment, sender: LoadClient, receiver: LoadClient, room: UUID
) -> "array[float]":
    """From when a message was due to its delivery, at a constant rate."""
    clock = asyncio.get_running_loop().time
    latencies = array("d")
    due: list[float] = []
    receiver.on_event = lambda *_: latencies.append(clock() - due[len(latencies)])
    start = clock()
    for number in range(round((env.warm_s + env.measure_s) * OTHER_PER_S)):
        due.append(start + number / OTHER_PER_S)
        await asyncio.sleep(max(0.0, due[-1] - clock()))
        sender.send(message_frame(str(room), next(_numbers), env.text(number)))
    async with asyncio.timeout(ARRIVAL_TIMEOUT_S):
        while len(latencies) < len(due):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return latencies[round(env.warm_s * OTHER_PER_S) :]


def metrics(samples: Samples) -> list[Metric]:
    label = "one message to 10,000 sockets"
    return [
        *metric(
            f"{label}, until the last socket has it",
            samples,
            "busy",
            "last_ms",
            "ms",
            target=120.0,
            lower_is_better=True,
        ),
        *metric(f"{label}, p95 of another room's delivery", samples, "busy", "other_p95_ms", "ms"),
        *ratio_metric(
            f"{label}, p95 of another room's delivery, ÷ without it",
            samples,
            "other_p95_ms",
            "busy",
            "alone",
            target=2.0,
            lower_is_better=True,
        ),
    ]


BENCHMARK = Benchmark(
    name="large_room",
    title="A large room beside a small one",
    about=(
        "10,000 clients have one room open; every half second a message is sent to it, and the "
        "time counts until the last of them has it all. In another room one client sends 50 "
        "messages a second to another one, with the large room silent or not."
    ),
    variants=[
        Variant("alone", "the large room is silent", measure(large_room_is_busy=False)),
        Variant("busy", "two messages a second to it", measure(large_room_is_busy=True)),
    ],
    columns=[
        Column("last_ms", "last of 10,000 sockets, ms"),
        Column("other_p95_ms", "another room, p95, ms"),
    ],
    metrics=metrics,
    setup=two_rooms,
)
