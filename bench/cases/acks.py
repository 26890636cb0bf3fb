"""Durable sends: acks per second, with group commit and without."""

from collections.abc import Awaitable, Callable
from typing import Any

from bench.acks import in_flight, town
from bench.case import Arm, Case, Column, Figure, Samples, database, one, ratio, unless_known
from bench.lab import Lab, Sample

IN_FLIGHT = (1, 32, 512)
TARGETS = {1: 0.95, 32: 8.0, 512: 15.0}
NO_SWITCH = unless_known("database", "group_commit")
# With 512 in flight some wait longer for a connection than the 5 s after which they get `busy`.
ONE_BY_ONE = {"group_commit": False, "pool_timeout_s": 120.0}


def measure(count: int, **groups: Any) -> Callable[[Lab, str], Awaitable[Sample]]:
    async def run(lab: Lab, url: str) -> Sample:
        async with town(lab, lab.settings(url, **groups)) as place:
            return await in_flight(lab, place, count)

    return run


def figures(samples: Samples) -> list[Figure]:
    found: list[Figure] = []
    for count in IN_FLIGHT:
        what = f"durable acks over sockets, {count} in flight"
        found += one(f"{what}, per second", samples, f"group-{count}", "acks_per_s", "acks")
        found += one(
            f"{what}, per app CPU second", samples, f"group-{count}", "acks_per_cpu_s", "acks"
        )
        found += ratio(
            f"{what}, ÷ one transaction a message",
            samples,
            "acks_per_s",
            f"group-{count}",
            f"single-{count}",
            target=TARGETS[count],
        )
    return found


CASE = Case(
    name="acks",
    title="Durable acks",
    about=(
        "64 rooms with ten sockets each, all of them open; so many people send as stated, each "
        "the next message after the ack of the last. MariaDB writes every COMMIT to disk "
        "(innodb_flush_log_at_trx_commit=1). One transaction a message may wait for a connection "
        "as long as it takes, instead of being told `busy`."
    ),
    arms=[
        arm
        for count in IN_FLIGHT
        for arm in (
            Arm(f"group-{count}", f"group commit, {count} in flight", measure(count)),
            Arm(
                f"single-{count}",
                f"one transaction a message, {count} in flight",
                measure(count, database=ONE_BY_ONE),
                lambda _: NO_SWITCH,
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
    figures=figures,
    stage=database,
    plot="acks_per_s",
)
