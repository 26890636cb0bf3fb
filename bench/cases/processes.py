"""Two processes of the server over one database and one Redis, and one."""

from collections.abc import Awaitable, Callable
from typing import Any

from bench.acks import in_flight, town
from bench.case import Arm, Case, Column, Figure, Samples, database, one, ratio
from bench.lab import Lab, Sample

IN_FLIGHT = 512


def measure(count: int) -> Callable[[Lab, str], Awaitable[Sample]]:
    async def run(lab: Lab, url: str) -> Sample:
        cores = [lab.cores.server, lab.cores.second or lab.cores.server][:count]
        async with town(lab, lab.settings(url, redis=True), cores) as place:
            return await in_flight(lab, place, lab.scale(IN_FLIGHT, 64)) | {
                "cores": float(len(set(cores)))
            }

    return run


def figures(samples: Samples) -> list[Figure]:
    what = "durable acks with Redis, 512 in flight, two processes ÷ one"
    aim: dict[str, Any] = (
        {"target": 1.8} if all(s["cores"] == 2 for s in samples.get("two", ())) else {}
    )
    return [
        *one(
            "durable acks with Redis, one process, per second",
            samples,
            "one",
            "acks_per_s",
            "acks",
        ),
        *ratio(
            f"{what}, per second" + ("" if aim else " (both on one core)"),
            samples,
            "acks_per_s",
            "two",
            "one",
            **aim,
        ),
        *ratio(f"{what}, per app CPU second", samples, "acks_per_cpu_s", "two", "one"),
    ]


CASE = Case(
    name="processes",
    title="Two processes",
    about=(
        "As the durable acks, with Redis, the sockets spread evenly: every room has sockets on "
        "both processes. Each process has a core of its own where the machine has four; else "
        "both share one, and only what a CPU second does can be compared."
    ),
    arms=[Arm("one", "one process", measure(1)), Arm("two", "two processes", measure(2))],
    columns=[
        Column("cores", "cores"),
        Column("acks_per_s", "acks per second"),
        Column("acks_per_cpu_s", "acks per app CPU second"),
        Column("redis_cpu_s", "CPU seconds of Redis"),
        Column("p99_ms", "p99, ms"),
    ],
    figures=figures,
    stage=database,
)
