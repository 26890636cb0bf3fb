"""Latency of acks at a half and a quarter of the maximum rate, compared with a bare COMMIT."""

import time
from array import array
from collections.abc import Awaitable, Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.ids import new_id
from bench.ack_load import closed_loop, open_loop, open_workload
from bench.benchmark import (
    Benchmark,
    Column,
    Metric,
    Samples,
    Variant,
    fresh_database,
    metric,
    samples_of,
)
from bench.environment import BenchEnvironment, Sample
from bench.stats import Summary, latency_percentiles

CALIBRATION_IN_FLIGHT = 512


def measure_acks(share: float) -> Callable[[BenchEnvironment, str], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, url: str) -> Sample:
        async with open_workload(env, env.settings(url)) as workload:
            in_flight = env.scale(CALIBRATION_IN_FLIGHT, 64)
            calibration = await closed_loop(env, workload, in_flight, env.measure_s / 2)
            maximum = calibration["acks_per_s"]
            return await open_loop(env, workload, maximum * share) | {"max_acks_per_s": maximum}

    return run


async def measure_bare(env: BenchEnvironment, url: str) -> Sample:
    """Insert similar rows on one connection, one per transaction, without the server."""
    latencies = array("d")
    engine = create_async_engine(
        env.settings(url).database.url, isolation_level="READ COMMITTED", pool_size=1
    )
    insert = text("INSERT INTO bare (id, seq, body) VALUES (:id, :seq, :body)")
    try:
        async with engine.begin() as connection:
            await connection.execute(text("DROP TABLE IF EXISTS bare"))
            await connection.execute(
                text(
                    "CREATE TABLE bare "
                    "(id BINARY(16), seq BIGINT, body TEXT, PRIMARY KEY (id, seq)) CHARSET utf8mb4"
                )
            )
        row = {"id": new_id().bytes}
        async with engine.connect() as connection:
            number, deadline = 0, time.monotonic() + env.warm_s
            while time.monotonic() < deadline:
                number += 1
                await connection.execute(insert, row | {"seq": number, "body": env.text(number)})
                await connection.commit()
            with env.metered() as usage:
                deadline = time.monotonic() + env.measure_s
                while (start := time.monotonic()) < deadline:
                    number += 1
                    await connection.execute(
                        insert, row | {"seq": number, "body": env.text(number)}
                    )
                    await connection.commit()
                    latencies.append(time.monotonic() - start)
    finally:
        await engine.dispose()
    return usage | latency_percentiles(latencies) | {"rate": len(latencies) / usage["seconds"]}


def metrics(samples: Samples) -> list[Metric]:
    measured = metric("ack p99 at half load", samples, "acks", "p99_ms", "ms")
    measured += metric("ack p99 at a quarter of the load", samples, "quarter", "p99_ms", "ms")
    measured += metric("bare INSERT and COMMIT, p99", samples, "bare", "p99_ms", "ms")
    pairs = zip(
        samples_of(samples, "acks", "p99_ms"), samples_of(samples, "bare", "p99_ms"), strict=False
    )
    excess = [ack - (3 * commit + 10) for ack, commit in pairs]
    if excess:
        label = "ack p99 at half load − (3 × bare COMMIT p99 + 10 ms)"
        measured.append(Metric(label, Summary.of(excess), "ms", target=0.0, lower_is_better=True))
    return measured


BENCHMARK = Benchmark(
    name="ack_latency",
    title="Latency of acks",
    about=(
        "64 rooms with ten clients each, as above. First, 512 messages in flight measure the "
        "maximum throughput; then messages are sent at half or a quarter of this rate (open loop). "
        "Latency counts from when a message was due to its ack. The baseline is one connection "
        "that inserts and commits one row after the other."
    ),
    variants=[
        Variant("acks", "acks at half load", measure_acks(1 / 2)),
        Variant("quarter", "acks at a quarter of the load", measure_acks(1 / 4)),
        Variant("bare", "INSERT and COMMIT on one connection", measure_bare),
    ],
    columns=[
        Column("rate", "per second"),
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
    ],
    metrics=metrics,
    setup=fresh_database,
)
