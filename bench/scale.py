"""Scale on paper: what the measured constants mean for more machines and more people.

`python -m bench.scale` writes the table of docs/scale.md again, where the formulae are explained.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.case import values
from bench.lab import ROOT
from bench.report import markdown_table, replace_measured
from bench.results import KEPT, Result, load
from bench.stats import number

DOCUMENT = ROOT / "docs" / "scale.md"
# Of a core: the rest is for what comes in bursts.
BUSY = 0.6
# Deliveries that the measured cost of an ack contains: rooms of ten.
DELIVERED_WITH_AN_ACK = 10
# A row of messages and one of room_events beside the text, with the index of nonces, in bytes.
ROW_BYTES = 300
DAY_S = 86_400


@dataclass(frozen=True)
class Constants:
    """Of one core, or one socket, as measured."""

    socket_bytes: float  # memory of an idle socket
    idle_cpu_s: float  # CPU of an idle socket, a second
    ack_cpu_s: float  # app CPU of a durable send with ten deliveries
    delivery_cpu_s: float  # app CPU of one more delivery
    hello_cpu_s: float  # app CPU of a hello
    hello_queries: float
    page_cpu_s: float  # app CPU of a page of history
    heard_cpu_s: float  # app CPU of a message that another process has sent
    redis_cpu_s: float  # of one copy of a message to one process
    database_cpu_s: float  # of a durable send
    event_bytes: float


@dataclass(frozen=True)
class Habits:
    """What a connected user does, on average."""

    sends_per_s: float = 1 / 300
    readers: float = 30  # sockets that a message reaches
    hellos_per_s: float = 1 / 1800
    pages_per_s: float = 1 / 120


@dataclass(frozen=True)
class Plan:
    users: float
    processes: float
    messages_per_s: float
    deliveries_per_s: float
    memory_bytes: float  # of the sockets of one process
    heard_share: float  # of a core of each process, for what others have sent
    redis_cores: float
    redis_copies_per_s: float
    database_cores: float
    database_queries_per_s: float
    stored_bytes_per_day: float
    all_back_s: float  # everybody says hello again, after a failure of everything


def constants(results: Mapping[str, Result]) -> Constants | None:
    """None where a case is missing that they come from."""

    def of(case: str, arm: str, key: str) -> float:
        return median(values(results[case].samples, arm, key))

    try:
        one, two = (of("processes", arm, "acks_per_cpu_s") for arm in ("one", "two"))
        copies = 2 * of("processes", "two", "acks_per_s") * of("processes", "two", "seconds")
        return Constants(
            socket_bytes=of("memory", "listed", "bytes_per_socket"),
            idle_cpu_s=of("memory", "listed", "cpu_us_per_socket_s") / 1e6,
            ack_cpu_s=1 / of("acks", "group-32", "acks_per_cpu_s"),
            delivery_cpu_s=1 / of("fanout", "ours-1", "deliveries_per_cpu_s"),
            hello_cpu_s=1 / of("hello", "hello", "hellos_per_cpu_s"),
            hello_queries=of("reconnect", "storm", "queries_per_client"),
            page_cpu_s=1 / of("history", "many", "pages_per_cpu_s"),
            heard_cpu_s=max(0.0, 1 / two - 1 / one),
            redis_cpu_s=of("processes", "two", "redis_cpu_s") / copies,
            database_cpu_s=1 / of("acks", "group-32", "acks_per_database_cpu_s"),
            event_bytes=of("fanout", "ours-1", "event_bytes"),
        )
    except (KeyError, ValueError):  # StatisticsError is a ValueError: a case or an arm is not there
        return None


def user_cpu_s(it: Constants, habits: Habits) -> float:
    """App CPU of one connected user, a second."""
    more = max(0.0, habits.readers - DELIVERED_WITH_AN_ACK)
    return (
        it.idle_cpu_s
        + habits.sends_per_s * (it.ack_cpu_s + more * it.delivery_cpu_s)
        + habits.hellos_per_s * it.hello_cpu_s
        + habits.pages_per_s * it.page_cpu_s
    )


def users_of(it: Constants, habits: Habits, processes: int) -> float:
    """How many users so many processes carry, each on a core of its own.

    Each does its share of the work, and hears of every message of the others:
    `users · cpu / processes + users · sends · heard = BUSY`.
    """
    others = (processes - 1) / processes
    return BUSY / (
        user_cpu_s(it, habits) / processes + habits.sends_per_s * it.heard_cpu_s * others
    )


def processes_for(it: Constants, habits: Habits, users: float) -> float | None:
    """None if each process would have its hands full with only hearing of the others."""
    left = BUSY - users * habits.sends_per_s * it.heard_cpu_s
    return None if left <= 0 else max(1.0, users * user_cpu_s(it, habits) / left)


def plan(it: Constants, habits: Habits, users: float, processes: float) -> Plan:
    messages = users * habits.sends_per_s
    copies = messages * processes if processes > 1 else 0.0
    hellos = users * habits.hellos_per_s
    return Plan(
        users=users,
        processes=processes,
        messages_per_s=messages,
        deliveries_per_s=messages * habits.readers,
        memory_bytes=users / processes * it.socket_bytes,
        heard_share=messages * (processes - 1) / processes * it.heard_cpu_s,
        redis_cores=copies * it.redis_cpu_s,
        redis_copies_per_s=copies,
        database_cores=messages * it.database_cpu_s,
        database_queries_per_s=hellos * it.hello_queries,
        stored_bytes_per_day=messages * DAY_S * (ROW_BYTES + it.event_bytes),
        all_back_s=users / processes * it.hello_cpu_s,
    )


ROWS: tuple[tuple[str, Callable[[Plan], str]], ...] = (
    ("connected users", lambda p: number(p.users)),
    ("processes, one core each", lambda p: number(p.processes)),
    ("memory of the sockets of a process", lambda p: f"{number(p.memory_bytes / 1e9)} GB"),
    ("messages a second", lambda p: number(p.messages_per_s)),
    ("deliveries a second", lambda p: number(p.deliveries_per_s)),
    ("of each core, for hearing of the others", lambda p: f"{p.heard_share:.1%}"),
    ("copies a second that Redis hands out", lambda p: number(p.redis_copies_per_s)),
    ("cores of Redis", lambda p: number(p.redis_cores)),
    ("cores of the database, for sends", lambda p: number(p.database_cores)),
    ("queries a second, for hellos", lambda p: number(p.database_queries_per_s)),
    ("stored a day", lambda p: f"{number(p.stored_bytes_per_day / 1e9)} GB"),
    ("all back after everything has failed", lambda p: f"{number(p.all_back_s)} s"),
)


def table(it: Constants, habits: Habits) -> str:
    million = processes_for(it, habits, 1e6)
    plans = [
        plan(it, habits, users_of(it, habits, 1), 1),
        plan(it, habits, users_of(it, habits, 10), 10),
        *([plan(it, habits, 1e6, million)] if million else []),
    ]
    heading = ["", "one process", "ten processes", *(["a million users"] if million else [])]
    return markdown_table(heading, [[what, *(show(p) for p in plans)] for what, show in ROWS])


def constants_table(it: Constants) -> str:
    micro = 1e6
    return markdown_table(
        ["constant", "measured"],
        [
            ["`socket`", f"{number(it.socket_bytes / 1000)} KB"],
            ["`idle`", f"{number(it.idle_cpu_s * micro)} µs a second"],
            ["`ack`", f"{number(it.ack_cpu_s * micro)} µs"],
            ["`delivery`", f"{number(it.delivery_cpu_s * micro)} µs"],
            ["`hello`", f"{number(it.hello_cpu_s * micro)} µs"],
            ["`queries`", number(it.hello_queries)],
            ["`page`", f"{number(it.page_cpu_s * micro)} µs"],
            ["`heard`", f"{number(it.heard_cpu_s * micro)} µs"],
            ["`redis`", f"{number(it.redis_cpu_s * micro)} µs"],
            ["`database`", f"{number(it.database_cpu_s * micro)} µs"],
            ["`event`", f"{number(it.event_bytes)} bytes"],
        ],
    )


def write(document: Path, results: Mapping[str, Result]) -> None:
    it = constants(results)
    if it is None:
        measured = "Not all of the constants have been measured yet."
    else:
        measured = f"{constants_table(it)}\n\n{table(it, Habits())}"
    replace_measured(document, measured)


if __name__ == "__main__":
    write(DOCUMENT, load(KEPT))
