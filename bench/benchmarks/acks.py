"""Throughput of durable sends, with and without group commit."""

from collections.abc import Awaitable, Callable
from typing import Any

from bench.ack_load import closed_loop, open_workload
from bench.benchmark import (
    Benchmark,
    Column,
    Metric,
    Samples,
    Variant,
    fresh_database,
    metric,
    missing_setting,
    ratio_metric,
)
from bench.environment import BenchEnvironment, Sample

IN_FLIGHT = (1, 32, 512)
TARGETS = {1: 0.95, 32: 8.0, 512: 15.0}
SKIP_REASON = missing_setting("database", "group_commit")
# With 512 in flight some sends wait for a connection longer than the default 5 s.
SINGLE_TRANSACTIONS = {"group_commit": False, "pool_timeout_s": 120.0}


def measure(in_flight: int, **groups: Any) -> Callable[[BenchEnvironment, str], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, url: str) -> Sample:
        async with open_workload(env, env.settings(url, **groups)) as workload:
            return await closed_loop(env, workload, in_flight)

    return run


def metrics(samples: Samples) -> list[Metric]:
    measured: list[Metric] = []
    for count in IN_FLIGHT:
        label = f"durable acks, {count} in flight"
        measured += metric(f"{label}, per second", samples, f"group-{count}", "acks_per_s", "acks")
        measured += metric(
            f"{label}, per app CPU second", samples, f"group-{count}", "acks_per_cpu_s", "acks"
        )
        measured += ratio_metric(
            f"{label}, ÷ one transaction per message",
            samples,
            "acks_per_s",
            f"group-{count}",
            f"single-{count}",
            target=TARGETS[count],
        )
    return measured


BENCHMARK = Benchmark(
    name="acks",
    title="Durable acks",
    about=(
        "64 rooms with ten clients each, all subscribed. The stated number of clients send, each "
        "the next message after the ack of its last one. MariaDB writes every COMMIT to disk "
        "(innodb_flush_log_at_trx_commit=1). In the variants with one transaction per message a "
        "send waits for a database connection as long as it takes, and never fails with `busy`."
    ),
    variants=[
        variant
        for count in IN_FLIGHT
        for variant in (
            Variant(f"group-{count}", f"group commit, {count} in flight", measure(count)),
            Variant(
                f"single-{count}",
                f"one transaction per message, {count} in flight",
                measure(count, database=SINGLE_TRANSACTIONS),
                lambda _: SKIP_REASON,
            ),
        )
    ],
    columns=[
        Column("acks_per_s", "acks per second"),
        Column("acks_per_cpu_s", "acks per app CPU second"),
        Column("acks_per_database_cpu_s", "acks per database CPU second"),
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
    ],
    metrics=metrics,
    setup=fresh_database,
    plot="acks_per_s",
)
