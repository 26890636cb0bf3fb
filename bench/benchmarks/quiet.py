"""Small rooms that are quiet: CPU of each delivery, and its latency, at a constant low rate."""

from bench.ack_load import open_loop, open_workload
from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, fresh_database, metric
from bench.environment import BenchEnvironment, Sample

MESSAGES_PER_S = 200


async def measure(env: BenchEnvironment, url: str) -> Sample:
    async with open_workload(env, env.settings(url)) as workload:
        return await open_loop(env, workload, MESSAGES_PER_S, until_delivery=True)


def metrics(samples: Samples) -> list[Metric]:
    label = "200 messages a second over 64 rooms of ten"
    return [
        *metric(
            f"{label}, deliveries per app CPU second",
            samples,
            "quiet",
            "deliveries_per_cpu_s",
            "deliveries",
        ),
        *metric(f"{label}, p50 of delivery", samples, "quiet", "p50_ms", "ms"),
        *metric(f"{label}, p99 of delivery", samples, "quiet", "p99_ms", "ms"),
    ]


BENCHMARK = Benchmark(
    name="quiet",
    title="Small, quiet rooms",
    about=(
        "64 rooms with ten clients each, all subscribed. 200 messages a second are sent when they "
        "are due, each to another room. Latency counts from then to the arrival at each of the ten "
        "clients."
    ),
    variants=[Variant("quiet", "this server", measure)],
    columns=[
        Column("deliveries_per_cpu_s", "deliveries per app CPU second"),
        Column("rate", "messages per second"),
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
    ],
    metrics=metrics,
    setup=fresh_database,
)
