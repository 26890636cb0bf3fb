"""Throughput of durable sends on SQLite, the embedded default."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from bench.ack_load import closed_loop, open_workload
from bench.benchmark import (
    Benchmark,
    Column,
    Metric,
    Samples,
    Variant,
    metric,
    missing_setting,
    ratio_metric,
)
from bench.environment import BenchEnvironment, Sample

SKIP_REASON = missing_setting("database", "group_commit")


@asynccontextmanager
async def no_setup(_: BenchEnvironment) -> AsyncIterator[None]:
    yield


def measure(in_flight: int, **groups: Any) -> Callable[[BenchEnvironment, None], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, _: None) -> Sample:
        settings = env.settings(await env.sqlite_database(), **groups)
        async with open_workload(env, settings) as workload:
            return await closed_loop(env, workload, in_flight)

    return run


def metrics(samples: Samples) -> list[Metric]:
    label = "SQLite, durable acks, 32 in flight"
    return [
        *metric(f"{label}, per second", samples, "group", "acks_per_s", "acks"),
        *ratio_metric(
            f"{label}, ÷ one transaction per message",
            samples,
            "acks_per_s",
            "group",
            "single",
            target=5.0,
        ),
        *metric(
            "SQLite, durable acks, 1 in flight, per app CPU second",
            samples,
            "quiet",
            "acks_per_cpu_s",
            "acks",
        ),
    ]


BENCHMARK = Benchmark(
    name="sqlite",
    title="Durable acks, embedded",
    about="Like the durable acks, on SQLite in WAL mode with synchronous=FULL; a new file per run.",
    variants=[
        Variant("group", "group commit, 32 in flight", measure(32)),
        Variant(
            "single",
            "one transaction per message, 32 in flight",
            measure(32, database={"group_commit": False}),
            lambda _: SKIP_REASON,
        ),
        Variant("quiet", "group commit, 1 in flight", measure(1)),
    ],
    columns=[
        Column("acks_per_s", "acks per second"),
        Column("acks_per_cpu_s", "acks per app CPU second"),
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
    ],
    metrics=metrics,
    setup=no_setup,
)
