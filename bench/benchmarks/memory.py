"""Memory and CPU of an idle connection: the difference between few and many connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.settings import Settings
from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, metric
from bench.client import CHAT, CHAT_LISTED, LoadClient, abort_all, check_connected, connect_all
from bench.environment import BenchEnvironment, Sample
from bench.seed_data import SeededUser, seed_database

ROOMS_PER_USER = 10
SETTLE_S = 3.0
NONE_OPEN, ALL_OPEN = "10 rooms, none open", "10 rooms, all open"


@dataclass(frozen=True)
class IdleUsers:
    settings: Settings
    users: list[SeededUser]


@asynccontextmanager
async def idle_users(env: BenchEnvironment) -> AsyncIterator[IdleUsers]:
    """10,000 users, each in ten rooms with ten members; the default heartbeats."""
    count = env.scale(10_000, 200)
    async with env.mariadb_database() as url:
        settings = env.settings(url, realtime={"ping_interval_s": 25.0, "idle_timeout_s": 45.0})
        users, _ = await seed_database(
            settings,
            count,
            count,
            lambda user: [(user + k * k) % count for k in range(ROOMS_PER_USER)],
        )
        yield IdleUsers(settings, users)


def measure(
    subscribed: int, few: tuple[int, int], many: tuple[int, int]
) -> Callable[[BenchEnvironment, IdleUsers], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, idle: IdleUsers) -> Sample:
        few_count, many_count = env.scale(*few), env.scale(*many)
        wire_format = CHAT if subscribed else CHAT_LISTED
        clients = [
            LoadClient(wire_format, user.hello(user.rooms[:subscribed]), max(1, subscribed))
            for user in idle.users[:many_count]
        ]
        async with env.chat_server(idle.settings) as server:
            try:
                await connect_all(clients[:few_count], server.port)
                await asyncio.sleep(SETTLE_S)
                few_bytes = server.resident_bytes
                with env.metered(server) as few_usage:
                    await asyncio.sleep(env.scale(30, 5))
                await connect_all(clients[few_count:], server.port)
                await asyncio.sleep(SETTLE_S)
                many_bytes = server.resident_bytes
                with env.metered(server) as usage:
                    # More than two heartbeats of every client.
                    await asyncio.sleep(env.scale(60, 5))
                check_connected(clients)
            finally:
                abort_all(clients)
        added = many_count - few_count
        cpu_per_client = (usage["server_share"] - few_usage["server_share"]) / added
        return usage | {
            "sockets": float(many_count),
            "resident_mb": many_bytes / 1e6,
            "bytes_per_socket": (many_bytes - few_bytes) / added,
            "cpu_us_per_socket_s": cpu_per_client * 1e6,
            "empty_cpu_ms_s": (few_usage["server_share"] - cpu_per_client * few_count) * 1000,
            "expected": float(many_count),
            "received": float(many_count),
        }

    return run


def metrics(samples: Samples) -> list[Metric]:
    measured: list[Metric] = []
    for variant, label in (("listed", NONE_OPEN), ("open", ALL_OPEN)):
        measured += metric(
            f"memory of an idle connection, {label}",
            samples,
            variant,
            "bytes_per_socket",
            "bytes",
            target=20_000,
            lower_is_better=True,
        )
        measured += metric(
            f"CPU of an idle connection, {label}, per second",
            samples,
            variant,
            "cpu_us_per_socket_s",
            "µs",
            target=10.0,
            lower_is_better=True,
        )
    return measured


BENCHMARK = Benchmark(
    name="memory",
    title="Idle connections",
    about=(
        "Authenticated connections of users in ten rooms, with the default heartbeats. Memory is "
        "the resident memory of the process with many connections minus that with few, divided by "
        "the number of added connections; kernel buffers are not included. CPU is measured over a "
        "minute without messages, and computed likewise; what the connections do not explain is "
        "the CPU of a server without connections."
    ),
    variants=[
        Variant("listed", NONE_OPEN, measure(0, (1000, 50), (10_000, 200))),
        Variant("open", ALL_OPEN, measure(ROOMS_PER_USER, (500, 50), (2500, 200))),
    ],
    columns=[
        Column("sockets", "connections"),
        Column("bytes_per_socket", "bytes per connection"),
        Column("resident_mb", "resident, MB"),
        Column("cpu_us_per_socket_s", "µs of CPU per second and connection"),
        Column("empty_cpu_ms_s", "ms of CPU per second without connections"),
    ],
    metrics=metrics,
    setup=idle_users,
)
