"""Fan-out: deliveries per CPU second of the server."""

from collections.abc import Awaitable, Callable

from bench.case import Arm, Case, Column, Figure, Samples, database, one, ratio, unless_known
from bench.fanout import FASTAPI, SOCKETIO, WS_NODE, System, as_fast_as_it_goes, ours
from bench.lab import Lab, Sample

OUTSTANDING = (1, 8, 32)
NAIVE_DATABASE = {} if unless_known("database", "group_commit") else {"group_commit": False}
SYSTEMS = (
    ours("ours", "this server"),
    ours(
        "naive",
        "this server, nothing joined",
        unless_known("realtime", "coalesce_writes"),
        realtime={"coalesce_writes": False},
        database=NAIVE_DATABASE,
    ),
    SOCKETIO,
    WS_NODE,
    FASTAPI,
)


def measure(system: System, outstanding: int) -> Callable[[Lab, str], Awaitable[Sample]]:
    async def run(lab: Lab, url: str) -> Sample:
        async with system.open(lab, url, lab.scale(1000, 100)) as hall:
            return await as_fast_as_it_goes(lab, hall, outstanding)

    return run


def figures(samples: Samples) -> list[Figure]:
    per_cpu = "deliveries_per_cpu_s"
    found: list[Figure] = []
    for count, target in ((1, 1.0), (8, None), (32, 10.0)):
        what = f"fan-out to 1,000 sockets, {count} outstanding, per server CPU second"
        found += one(what, samples, f"ours-{count}", per_cpu, "deliveries")
        for peer in SYSTEMS[1:]:
            found += ratio(
                f"{what}, ÷ {peer.label}",
                samples,
                per_cpu,
                f"ours-{count}",
                f"{peer.name}-{count}",
                target=target if peer is SOCKETIO else None,
            )
    return found


CASE = Case(
    name="fanout",
    title="Fan-out",
    about=(
        "1,000 sockets in one room; so many messages are outstanding as stated, and a message "
        "that everybody has is followed by the next one. Ours are authenticated, and every "
        "message goes the whole way: membership, nonce, the log, COMMIT on MariaDB, then "
        "delivery. The peers have no accounts and store nothing: they relay the same bytes."
    ),
    arms=[
        Arm(
            f"{system.name}-{count}",
            f"{system.label}, {count} outstanding",
            measure(system, count),
            system.why_not,
        )
        for count in OUTSTANDING
        for system in SYSTEMS
    ],
    columns=[
        Column("deliveries_per_cpu_s", "deliveries per server CPU second"),
        Column("deliveries_per_s", "deliveries per second"),
        Column("messages_per_s", "messages per second"),
        Column("event_bytes", "bytes a frame"),
    ],
    figures=figures,
    stage=database,
    plot="deliveries_per_cpu_s",
)
