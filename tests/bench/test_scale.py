"""Scale on paper, with constants that one can compute in the head."""

from pathlib import Path

import pytest

from bench import report, results, scale
from bench.results import Result
from bench.scale import BUSY, Constants, Habits, plan, processes_for, user_cpu_s, users_of

IT = Constants(
    socket_bytes=20_000,
    idle_cpu_s=10e-6,
    ack_cpu_s=1e-3,
    delivery_cpu_s=10e-6,
    hello_cpu_s=1e-3,
    hello_queries=2,
    page_cpu_s=1e-3,
    heard_cpu_s=50e-6,
    redis_cpu_s=1e-6,
    database_cpu_s=100e-6,
    event_bytes=400,
)
HABITS = Habits(sends_per_s=0.01, readers=110, hellos_per_s=0.001, pages_per_s=0.01)


def test_a_user_costs_what_its_parts_cost() -> None:
    # idle 10, sends 0.01 x (1000 + 100 x 10) = 20, hellos 1, pages 10 microseconds
    assert user_cpu_s(IT, HABITS) == pytest.approx(41e-6)


def test_a_small_room_is_in_the_price_of_the_ack() -> None:
    small = Habits(sends_per_s=0.01, readers=3, hellos_per_s=0, pages_per_s=0)
    assert user_cpu_s(IT, small) == pytest.approx(20e-6)


def test_one_process_hears_of_nobody() -> None:
    assert users_of(IT, HABITS, 1) == pytest.approx(BUSY / 41e-6)


@pytest.mark.parametrize("processes", [2, 10, 100])
def test_the_two_ways_to_compute_it_agree(processes: int) -> None:
    users = users_of(IT, HABITS, processes)
    busy = (
        users * user_cpu_s(IT, HABITS) / processes + plan(IT, HABITS, users, processes).heard_share
    )
    assert busy == pytest.approx(BUSY)
    needed = processes_for(IT, HABITS, users)
    # A process does not hear of its own messages, which the short formula leaves out.
    assert needed is not None
    assert processes * 0.9 <= needed <= processes * 1.5


def test_where_hearing_takes_all_there_is_no_number_of_processes() -> None:
    assert processes_for(IT, HABITS, 1e6) is not None
    assert processes_for(IT, HABITS, 1.3e6) is None


def test_a_plan_adds_up() -> None:
    made = plan(IT, HABITS, users=100_000, processes=10)
    assert made.messages_per_s == pytest.approx(1000)
    assert made.deliveries_per_s == pytest.approx(110_000)
    assert made.memory_bytes == pytest.approx(200e6)
    assert made.redis_copies_per_s == pytest.approx(10_000)
    assert made.redis_cores == pytest.approx(0.01)
    assert made.database_cores == pytest.approx(0.1)
    assert made.database_queries_per_s == pytest.approx(200)
    assert made.stored_bytes_per_day == pytest.approx(1000 * 86_400 * 700)
    assert made.all_back_s == pytest.approx(10)
    assert plan(IT, HABITS, users=100, processes=1).redis_cores == 0


def measured() -> dict[str, Result]:
    """As the cases name their arms and what they measure."""
    samples: dict[str, dict[str, dict[str, float]]] = {
        "memory": {"listed": {"bytes_per_socket": 20_000, "cpu_us_per_socket_s": 10}},
        "acks": {"group-32": {"acks_per_cpu_s": 1000, "acks_per_database_cpu_s": 10_000}},
        "fanout": {"ours-1": {"deliveries_per_cpu_s": 100_000, "event_bytes": 400}},
        "hello": {"hello": {"hellos_per_cpu_s": 1000}},
        "reconnect": {"storm": {"queries_per_client": 2}},
        "history": {"many": {"pages_per_cpu_s": 1000}},
        "processes": {
            "one": {"acks_per_cpu_s": 1000},
            "two": {
                "acks_per_cpu_s": 1000 / 1.05,
                "acks_per_s": 500,
                "seconds": 10,
                "redis_cpu_s": 0.01,
            },
        },
    }
    return {
        case: results.make(
            case, False, False, samples={arm: [run] for arm, run in arms.items()}, skipped={}
        )
        for case, arms in samples.items()
    }


def test_constants_come_from_the_raw_results() -> None:
    found = scale.constants(measured())
    assert found is not None
    assert found.__dict__ == pytest.approx(IT.__dict__)


def test_without_all_of_them_nothing_is_computed(tmp_path: Path) -> None:
    found = measured()
    del found["history"]
    assert scale.constants(found) is None
    document = tmp_path / "scale.md"
    document.write_text(f"a {report.BEGIN} b {report.END} c")
    scale.write(document, found)
    assert "Not all of the constants" in document.read_text()
    scale.write(document, measured())
    assert "| connected users |" in document.read_text()
    assert "| a million users |" in document.read_text()
