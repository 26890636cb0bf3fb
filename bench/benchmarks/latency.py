"""Latency of fan-out at constant rates."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, metric, ratio_metric
from bench.environment import BenchEnvironment, Sample
from bench.fanout_load import SOCKETIO, System, chat_system, closed_loop, open_loop

OURS = chat_system("ours", "this server")
CALIBRATION_OUTSTANDING = 8


@dataclass(frozen=True)
class Rates:
    """`half` is by system: half of its maximum throughput, in messages per second."""

    url: str
    half: dict[str, float]


@asynccontextmanager
async def calibrated(env: BenchEnvironment) -> AsyncIterator[Rates]:
    async with env.mariadb_database() as url:
        half = {}
        for system in (OURS, SOCKETIO):
            if system.skip_reason(env) is None:
                async with system.open(env, url, env.scale(1000, 100)) as room:
                    calibration = await closed_loop(env, room, CALIBRATION_OUTSTANDING)
                half[system.name] = calibration["messages_per_s"] / 2
        yield Rates(url, half)


def measure(
    system: System, rate_of: System
) -> Callable[[BenchEnvironment, Rates], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, rates: Rates) -> Sample:
        async with system.open(env, rates.url, env.scale(1000, 100)) as room:
            return await open_loop(env, room, rates.half[rate_of.name])

    return run


def metrics(samples: Samples) -> list[Metric]:
    measured: list[Metric] = []
    for rate_of in (SOCKETIO, OURS):
        label = f"p99 of delivery at half of the maximum rate of {rate_of.label}"
        variant, baseline = f"ours-at-{rate_of.name}", f"socketio-at-{rate_of.name}"
        measured += metric(label, samples, variant, "p99_ms", "ms")
        measured += ratio_metric(
            f"{label}, ÷ Socket.IO's at the same rate",
            samples,
            "p99_ms",
            variant,
            baseline,
            target=1.0,
            lower_is_better=True,
        )
    return measured


BENCHMARK = Benchmark(
    name="latency",
    title="Latency of fan-out",
    about=(
        "1,000 clients in one room. Messages are sent when they are due, whether earlier ones are "
        "delivered or not (open loop), and latency counts from when a message was due, so that a "
        "stalled server cannot hide it. Every tenth client measures. The rates are half of the "
        "throughput of each of the two servers with 8 messages outstanding, measured just before."
    ),
    variants=[
        Variant(
            f"{system.name}-at-{rate_of.name}",
            f"{system.label}, at half of the maximum rate of {rate_of.label}",
            measure(system, rate_of),
            SOCKETIO.skip_reason if SOCKETIO in (system, rate_of) else OURS.skip_reason,
        )
        for rate_of in (SOCKETIO, OURS)
        for system in (OURS, SOCKETIO)
    ],
    columns=[
        Column("rate", "messages per second"),
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
    ],
    metrics=metrics,
    setup=calibrated,
    plot="p99_ms",
)
