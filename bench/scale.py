"""Capacity model: what the measured costs mean for more processes and more users.

`python -m bench.scale` rewrites the tables of docs/scale.md, which explains the formulas.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.benchmark import samples_of
from bench.environment import ROOT
from bench.report import markdown_table, replace_measured
from bench.results import RESULTS_DIR, Result, load
from bench.stats import format_number

DOCUMENT = ROOT / "docs" / "scale.md"
# Share of a core; the rest is headroom for bursts.
TARGET_UTILISATION = 0.6
# Deliveries included in the measured cost of an ack: the benchmark has ten clients per room.
DELIVERIES_PER_ACK = 10
# A row of `messages` and one of `room_events` without the text, and the index entry of the nonce.
ROW_BYTES = 300
DAY_S = 86_400


@dataclass(frozen=True)
class CostModel:
    """Measured costs; CPU is in seconds of one core."""

    socket_bytes: float  # memory of an idle connection
    idle_cpu_s: float  # app CPU of an idle connection, per second
    ack_cpu_s: float  # app CPU of a durable send with DELIVERIES_PER_ACK deliveries
    delivery_cpu_s: float  # app CPU of one more delivery
    hello_cpu_s: float  # app CPU of a hello
    hello_queries: float
    page_cpu_s: float  # app CPU of a page of history
    remote_message_cpu_s: float  # app CPU, per process, of a message sent on another process
    redis_cpu_s: float  # of handing one message to one process
    database_cpu_s: float  # of a durable send
    event_bytes: float


@dataclass(frozen=True)
class UserProfile:
    """What a connected user does, on average."""

    sends_per_s: float = 1 / 300
    readers: float = 30  # connections that receive a message
    hellos_per_s: float = 1 / 1800
    pages_per_s: float = 1 / 120


@dataclass(frozen=True)
class CapacityPlan:
    users: float
    processes: float
    messages_per_s: float
    deliveries_per_s: float
    memory_bytes: float  # of the connections of one process
    remote_message_share: float  # of each process's core, for messages of other processes
    redis_cores: float
    redis_copies_per_s: float
    database_cores: float
    database_queries_per_s: float
    stored_bytes_per_day: float
    reconnect_all_s: float  # until all users are connected again after a complete failure


def cost_model(results: Mapping[str, Result]) -> CostModel | None:
    """None if a benchmark that it needs has not been measured."""

    def median_of(benchmark: str, variant: str, key: str) -> float:
        return median(samples_of(results[benchmark].samples, variant, key))

    try:
        alone = median_of("processes", "one", "acks_per_cpu_s")
        paired = median_of("processes", "two", "acks_per_cpu_s")
        acks_per_s = median_of("processes", "two", "acks_per_s")
        copies = 2 * acks_per_s * median_of("processes", "two", "seconds")
        return CostModel(
            socket_bytes=median_of("memory", "listed", "bytes_per_socket"),
            idle_cpu_s=median_of("memory", "listed", "cpu_us_per_socket_s") / 1e6,
            ack_cpu_s=1 / median_of("acks", "group-32", "acks_per_cpu_s"),
            delivery_cpu_s=1 / median_of("fanout", "ours-1", "deliveries_per_cpu_s"),
            hello_cpu_s=1 / median_of("hello", "hello", "hellos_per_cpu_s"),
            hello_queries=median_of("reconnect", "storm", "queries_per_client"),
            page_cpu_s=1 / median_of("history", "many", "pages_per_cpu_s"),
            remote_message_cpu_s=max(0.0, 1 / paired - 1 / alone),
            redis_cpu_s=median_of("processes", "two", "redis_cpu_s") / copies,
            database_cpu_s=1 / median_of("acks", "group-32", "acks_per_database_cpu_s"),
            event_bytes=median_of("fanout", "ours-1", "event_bytes"),
        )
    except (KeyError, ValueError):  # a benchmark is missing, or a variant: median([]) fails
        return None


def user_cpu_s(costs: CostModel, profile: UserProfile) -> float:
    """App CPU of one connected user, per second."""
    more_readers = max(0.0, profile.readers - DELIVERIES_PER_ACK)
    return (
        costs.idle_cpu_s
        + profile.sends_per_s * (costs.ack_cpu_s + more_readers * costs.delivery_cpu_s)
        + profile.hellos_per_s * costs.hello_cpu_s
        + profile.pages_per_s * costs.page_cpu_s
    )


def max_users(costs: CostModel, profile: UserProfile, processes: int) -> float:
    """How many users a number of processes can serve, with one core per process.

    Each process does its share of the work, and handles every message of the others:
    `users · cpu / processes + users · sends · remote · (processes - 1) / processes =
     TARGET_UTILISATION`.
    """
    remote_share = (processes - 1) / processes
    return TARGET_UTILISATION / (
        user_cpu_s(costs, profile) / processes
        + profile.sends_per_s * costs.remote_message_cpu_s * remote_share
    )


def required_processes(costs: CostModel, profile: UserProfile, users: float) -> float | None:
    """None if messages of other processes would take all the CPU of each process."""
    available = TARGET_UTILISATION - users * profile.sends_per_s * costs.remote_message_cpu_s
    return None if available <= 0 else max(1.0, users * user_cpu_s(costs, profile) / available)


def capacity_plan(
    costs: CostModel, profile: UserProfile, users: float, processes: float
) -> CapacityPlan:
    messages = users * profile.sends_per_s
    copies = messages * processes if processes > 1 else 0.0
    hellos = users * profile.hellos_per_s
    return CapacityPlan(
        users=users,
        processes=processes,
        messages_per_s=messages,
        deliveries_per_s=messages * profile.readers,
        memory_bytes=users / processes * costs.socket_bytes,
        remote_message_share=messages * (processes - 1) / processes * costs.remote_message_cpu_s,
        redis_cores=copies * costs.redis_cpu_s,
        redis_copies_per_s=copies,
        database_cores=messages * costs.database_cpu_s,
        database_queries_per_s=hellos * costs.hello_queries,
        stored_bytes_per_day=messages * DAY_S * (ROW_BYTES + costs.event_bytes),
        reconnect_all_s=users / processes * costs.hello_cpu_s,
    )


ROWS: tuple[tuple[str, Callable[[CapacityPlan], str]], ...] = (
    ("connected users", lambda p: format_number(p.users)),
    ("processes, one core each", lambda p: format_number(p.processes)),
    (
        "memory of the connections, per process",
        lambda p: f"{format_number(p.memory_bytes / 1e9)} GB",
    ),
    ("messages per second", lambda p: format_number(p.messages_per_s)),
    ("deliveries per second", lambda p: format_number(p.deliveries_per_s)),
    ("share of each core for remote messages", lambda p: f"{p.remote_message_share:.1%}"),
    ("copies per second from Redis", lambda p: format_number(p.redis_copies_per_s)),
    ("cores of Redis", lambda p: format_number(p.redis_cores)),
    ("cores of the database, for sends", lambda p: format_number(p.database_cores)),
    ("queries per second, for hellos", lambda p: format_number(p.database_queries_per_s)),
    ("storage per day", lambda p: f"{format_number(p.stored_bytes_per_day / 1e9)} GB"),
    ("reconnection of all users", lambda p: f"{format_number(p.reconnect_all_s)} s"),
)


def plan_table(costs: CostModel, profile: UserProfile) -> str:
    for_a_million = required_processes(costs, profile, 1e6)
    plans = [
        *(capacity_plan(costs, profile, max_users(costs, profile, n), n) for n in (1, 10)),
        *([capacity_plan(costs, profile, 1e6, for_a_million)] if for_a_million else []),
    ]
    heading = ["", "one process", "ten processes", *(["a million users"] if for_a_million else [])]
    return markdown_table(heading, [[label, *map(show, plans)] for label, show in ROWS])


def cost_table(costs: CostModel) -> str:
    def micros(seconds: float) -> str:
        return f"{format_number(seconds * 1e6)} µs"

    return markdown_table(
        ["cost", "measured"],
        [
            ["`socket`", f"{format_number(costs.socket_bytes / 1000)} KB"],
            ["`idle`", f"{micros(costs.idle_cpu_s)} per second"],
            ["`ack`", micros(costs.ack_cpu_s)],
            ["`delivery`", micros(costs.delivery_cpu_s)],
            ["`hello`", micros(costs.hello_cpu_s)],
            ["`queries`", format_number(costs.hello_queries)],
            ["`page`", micros(costs.page_cpu_s)],
            ["`remote`", micros(costs.remote_message_cpu_s)],
            ["`redis`", micros(costs.redis_cpu_s)],
            ["`database`", micros(costs.database_cpu_s)],
            ["`event`", f"{format_number(costs.event_bytes)} bytes"],
        ],
    )


def write(document: Path, results: Mapping[str, Result]) -> None:
    costs = cost_model(results)
    if costs is None:
        measured = "Not all of the costs have been measured yet."
    else:
        measured = f"{cost_table(costs)}\n\n{plan_table(costs, UserProfile())}"
    replace_measured(document, measured)


if __name__ == "__main__":
    write(DOCUMENT, load(RESULTS_DIR))
