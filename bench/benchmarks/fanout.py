"""Fan-out to 1,000, 100 and ten clients: deliveries per CPU second of the server."""

from collections.abc import Awaitable, Callable

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
from bench.fanout_load import FASTAPI, SOCKETIO, WS_NODE, System, chat_system, closed_loop

OUTSTANDING = (1, 8, 32)
NAIVE_DATABASE = {} if missing_setting("database", "group_commit") else {"group_commit": False}
SYSTEMS = (
    chat_system("ours", "this server"),
    chat_system(
        "naive",
        "this server without batching",
        missing_setting("realtime", "coalesce_writes"),
        realtime={"coalesce_writes": False},
        database=NAIVE_DATABASE,
    ),
    SOCKETIO,
    WS_NODE,
    FASTAPI,
)


def measure(
    system: System, outstanding: int, clients: int = 1000
) -> Callable[[BenchEnvironment, str], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, url: str) -> Sample:
        async with system.open(env, url, env.scale(clients, min(clients, 100))) as room:
            return await closed_loop(env, room, outstanding)

    return run


def metrics(samples: Samples) -> list[Metric]:
    per_cpu = "deliveries_per_cpu_s"
    measured: list[Metric] = []
    for count, target in ((1, 1.0), (8, None), (32, 10.0)):
        label = f"fan-out to 1,000 clients, {count} outstanding, per server CPU second"
        measured += metric(label, samples, f"ours-{count}", per_cpu, "deliveries")
        for baseline in SYSTEMS[1:]:
            measured += ratio_metric(
                f"{label}, ÷ {baseline.label}",
                samples,
                per_cpu,
                f"ours-{count}",
                f"{baseline.name}-{count}",
                target=target if baseline is SOCKETIO else None,
            )
    for count in OUTSTANDING:
        label = f"fan-out to 100 clients, {count} outstanding, per server CPU second"
        measured += metric(label, samples, f"small-{count}", per_cpu, "deliveries")
    label = "fan-out to ten clients, 1 outstanding, per server CPU second"
    return measured + metric(label, samples, "ten-1", per_cpu, "deliveries")


BENCHMARK = Benchmark(
    name="fanout",
    title="Fan-out",
    about=(
        "1,000 clients in one room, or 100 or ten where it says so. The stated number of messages "
        "is outstanding: once a message is delivered to all clients, the next one is sent. Clients "
        "of this server are authenticated, and every message is checked (membership, nonce), "
        "logged and committed on MariaDB before delivery. The baselines have no accounts and store "
        "nothing: they relay the same bytes."
    ),
    variants=[
        Variant(
            f"{system.name}-{count}",
            f"{system.label}, {count} outstanding",
            measure(system, count),
            system.skip_reason,
        )
        for count in OUTSTANDING
        for system in SYSTEMS
    ]
    + [
        Variant(
            f"small-{count}",
            f"this server, 100 clients, {count} outstanding",
            measure(SYSTEMS[0], count, 100),
        )
        for count in OUTSTANDING
    ]
    + [Variant("ten-1", "this server, ten clients, 1 outstanding", measure(SYSTEMS[0], 1, 10))],
    columns=[
        Column("deliveries_per_cpu_s", "deliveries per server CPU second"),
        Column("deliveries_per_s", "deliveries per second"),
        Column("messages_per_s", "messages per second"),
        Column("event_bytes", "bytes per frame"),
    ],
    metrics=metrics,
    setup=fresh_database,
    plot="deliveries_per_cpu_s",
)
