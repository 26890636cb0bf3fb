"""The embedded default: durable sends on SQLite."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from bench.acks import in_flight, town
from bench.case import Arm, Case, Column, Figure, Samples, one, ratio, unless_known
from bench.lab import Lab, Sample

IN_FLIGHT = 32
NO_SWITCH = unless_known("database", "group_commit")


@asynccontextmanager
async def nothing(_: Lab) -> AsyncIterator[None]:
    yield


def measure(**groups: Any) -> Callable[[Lab, None], Awaitable[Sample]]:
    async def run(lab: Lab, _: None) -> Sample:
        settings = lab.settings(await lab.sqlite(), **groups)
        async with town(lab, settings) as place:
            return await in_flight(lab, place, IN_FLIGHT)

    return run


def figures(samples: Samples) -> list[Figure]:
    what = "SQLite, durable acks, 32 in flight"
    return [
        *one(f"{what}, per second", samples, "group", "acks_per_s", "acks"),
        *ratio(
            f"{what}, ÷ one transaction a message",
            samples,
            "acks_per_s",
            "group",
            "single",
            target=5.0,
        ),
    ]


CASE = Case(
    name="sqlite",
    title="Durable acks, embedded",
    about="As the durable acks, on SQLite in WAL mode with synchronous=FULL; a new file each time.",
    arms=[
        Arm("group", "group commit, 32 in flight", measure()),
        Arm(
            "single",
            "one transaction a message, 32 in flight",
            measure(database={"group_commit": False}),
            lambda _: NO_SWITCH,
        ),
    ],
    columns=[
        Column("acks_per_s", "acks per second"),
        Column("acks_per_cpu_s", "acks per app CPU second"),
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
    ],
    figures=figures,
    stage=nothing,
)
