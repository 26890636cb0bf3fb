"""A reconnect storm: all connections are lost at once, and all clients reconnect at once."""

import asyncio
import random
import time

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, metric
from bench.benchmarks.memory import IdleUsers, idle_users
from bench.client import CHAT, LoadClient, abort_all, connect_all, connect_one
from bench.environment import BenchEnvironment, Sample
from bench.stats import percentile

QUIET_S = 2.0
MAX_ATTEMPTS = 20


async def measure(env: BenchEnvironment, idle: IdleUsers) -> Sample:
    users = idle.users[: env.scale(5000, 150)]
    clients = [LoadClient(CHAT, user.hello(user.rooms[:1])) for user in users]
    for client in clients:
        client.kept_prefix = b'{"type":"r'  # `rooms` with the snapshot, and `room.opened`
    async with env.chat_server(idle.settings) as server:
        await connect_all(clients, server.port)
        hellos = [
            user.hello(
                positions=[{"room": str(user.rooms[0]), "since": _position(client)}],
                snapshot=_snapshot(client),
            )
            for user, client in zip(users, clients, strict=True)
        ]
        await asyncio.sleep(QUIET_S)  # the server finishes its work for new connections
        abort_all(clients)
        queries_before = await query_count(idle)
        start = time.monotonic()
        with env.metered(server) as usage:
            reconnects = await asyncio.gather(
                *(_reconnect(hello, n, server.port) for n, hello in enumerate(hellos))
            )
        queries = await query_count(idle) - queries_before
        durations = [at - start for _, at, _ in reconnects]
        abort_all([client for client, _, _ in reconnects])
    return usage | {
        "attempts_per_client": sum(attempts for _, _, attempts in reconnects) / len(users),
        "all_back_s": max(durations),
        "half_back_s": percentile(durations, 0.5),
        "queries_per_client": queries / len(users),
        "cpu_ms_per_client": usage["server_cpu_s"] / len(users) * 1000,
        "expected": float(len(users)),
        "received": float(len(durations)),
    }


async def _reconnect(hello: bytes, number: int, port: int) -> tuple[LoadClient, float, int]:
    """The new client, the time when it is ready, and the number of attempts.

    Retries with full jitter, like a real client.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        client = LoadClient(CHAT, hello)
        try:
            await connect_one(client, number, port)
        except OSError:
            await asyncio.sleep(random.uniform(0, min(30.0, 0.5 * 2**attempt)))
        else:
            return client, time.monotonic(), attempt
    raise ConnectionError(f"not connected after {MAX_ATTEMPTS} attempts")


def _snapshot(client: LoadClient) -> str:
    return str([frame["snapshot"] for frame in client.kept_frames if frame.get("snapshot")][-1])


def _position(client: LoadClient) -> int:
    return int(next(frame["seq"] for frame in client.kept_frames if frame["type"] == "room.opened"))


async def query_count(idle: IdleUsers) -> int:
    """The number of statements that the database has received so far."""
    engine = create_async_engine(idle.settings.database.url)
    try:
        async with engine.connect() as connection:
            row = (await connection.execute(text("SHOW GLOBAL STATUS LIKE 'Questions'"))).one()
            return int(row[1])
    finally:
        await engine.dispose()


def metrics(samples: Samples) -> list[Metric]:
    return [
        *metric(
            "5,000 connections lost at once: all resumed after",
            samples,
            "storm",
            "all_back_s",
            "s",
            target=10.0,
            lower_is_better=True,
        ),
        *metric(
            "the same, database queries per client",
            samples,
            "storm",
            "queries_per_client",
            "queries",
            target=1.0,
            lower_is_better=True,
        ),
    ]


BENCHMARK = Benchmark(
    name="reconnect",
    title="Reconnect storm",
    about=(
        "5,000 clients with ten rooms, one of them open, lose their connections at the same "
        "moment, and reconnect immediately, without jitter, each with its snapshot and its "
        "position. The time ends when the last client has its list of rooms and its room open. "
        "Queries are counted by the database (`Questions`), including those for transactions and "
        "settings."
    ),
    variants=[Variant("storm", "this server", measure)],
    columns=[
        Column("all_back_s", "all reconnected after, s"),
        Column("half_back_s", "half reconnected after, s"),
        Column("attempts_per_client", "attempts per client"),
        Column("queries_per_client", "queries per client"),
        Column("cpu_ms_per_client", "ms of CPU per client"),
    ],
    metrics=metrics,
    setup=idle_users,
)
