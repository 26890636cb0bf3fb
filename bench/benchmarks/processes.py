"""Throughput of durable sends of two processes that share a database and Redis, and of one."""

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
    ratio_metric,
)
from bench.environment import BenchEnvironment, Sample

IN_FLIGHT = 512


def measure(process_count: int) -> Callable[[BenchEnvironment, str], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, url: str) -> Sample:
        cores = [env.cores.server, env.cores.second or env.cores.server][:process_count]
        async with open_workload(env, env.settings(url, redis=True), cores) as workload:
            sample = await closed_loop(env, workload, env.scale(IN_FLIGHT, 64))
            return sample | {"cores": float(len(set(cores)))}

    return run


def metrics(samples: Samples) -> list[Metric]:
    label = "durable acks with Redis, 512 in flight, two processes ÷ one"
    target: dict[str, Any] = (
        {"target": 1.8} if all(s["cores"] == 2 for s in samples.get("two", ())) else {}
    )
    return [
        *metric(
            "durable acks with Redis, one process, per second",
            samples,
            "one",
            "acks_per_s",
            "acks",
        ),
        *ratio_metric(
            f"{label}, per second" + ("" if target else " (both on one core)"),
            samples,
            "acks_per_s",
            "two",
            "one",
            **target,
        ),
        *ratio_metric(f"{label}, per app CPU second", samples, "acks_per_cpu_s", "two", "one"),
    ]


BENCHMARK = Benchmark(
    name="processes",
    title="Two processes",
    about=(
        "Like the durable acks, with Redis. Clients are spread evenly: every room has clients on "
        "both processes. On a machine with four cores or more each process has its own; otherwise "
        "both share one, and only the throughput per CPU second can be compared."
    ),
    variants=[
        Variant("one", "one process", measure(1)),
        Variant("two", "two processes", measure(2)),
    ],
    columns=[
        Column("cores", "cores"),
        Column("acks_per_s", "acks per second"),
        Column("acks_per_cpu_s", "acks per app CPU second"),
        Column("redis_cpu_s", "CPU seconds of Redis"),
        Column("p99_ms", "p99, ms"),
    ],
    metrics=metrics,
    setup=fresh_database,
)
