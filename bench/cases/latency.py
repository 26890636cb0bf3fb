"""Fan-out at a given rate: how long a message takes to get there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.case import Arm, Case, Column, Figure, Samples, one, ratio
from bench.fanout import SOCKETIO, System, as_fast_as_it_goes, at_rate, ours
from bench.lab import Lab, Sample

OURS = ours("ours", "this server")
CALIBRATE_WITH = 8  # outstanding


@dataclass(frozen=True)
class Rates:
    """Messages a second: half of the most that each server can."""

    url: str
    half: dict[str, float]


@asynccontextmanager
async def calibrated(lab: Lab) -> AsyncIterator[Rates]:
    async with lab.schema() as url:
        half = {}
        for system in (OURS, SOCKETIO):
            if system.why_not(lab) is None:
                async with system.open(lab, url, lab.scale(1000, 100)) as hall:
                    found = await as_fast_as_it_goes(lab, hall, CALIBRATE_WITH)
                half[system.name] = found["messages_per_s"] / 2
        yield Rates(url, half)


def measure(system: System, rate_of: System) -> Callable[[Lab, Rates], Awaitable[Sample]]:
    async def run(lab: Lab, rates: Rates) -> Sample:
        async with system.open(lab, rates.url, lab.scale(1000, 100)) as hall:
            return await at_rate(lab, hall, rates.half[rate_of.name])

    return run


def figures(samples: Samples) -> list[Figure]:
    found: list[Figure] = []
    for rate_of in (SOCKETIO, OURS):
        what = f"p99 of delivery at half of the most that {rate_of.label} can"
        arm, peer = f"ours-at-{rate_of.name}", f"socketio-at-{rate_of.name}"
        found += one(what, samples, arm, "p99_ms", "ms")
        found += ratio(
            f"{what}, ÷ Socket.IO's at the same rate",
            samples,
            "p99_ms",
            arm,
            peer,
            target=1.0,
            most=True,
        )
    return found


CASE = Case(
    name="latency",
    title="Latency of fan-out",
    about=(
        "1,000 sockets in one room. Messages are sent when they are due, whatever became of "
        "those before (open loop), and the time counts from when a message was due, so that a "
        "server that stalls cannot hide it. Every tenth socket takes the time. The rates are "
        "half of what each of the two servers managed just before, with 8 outstanding."
    ),
    arms=[
        Arm(
            f"{system.name}-at-{rate_of.name}",
            f"{system.label}, at half of the most of {rate_of.label}",
            measure(system, rate_of),
            SOCKETIO.why_not if SOCKETIO in (system, rate_of) else OURS.why_not,
        )
        for rate_of in (SOCKETIO, OURS)
        for system in (OURS, SOCKETIO)
    ],
    columns=[
        Column("rate", "messages per second"),
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
    ],
    figures=figures,
    stage=calibrated,
    plot="p99_ms",
)
