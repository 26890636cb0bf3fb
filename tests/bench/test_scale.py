"""The capacity model, with round costs."""

from pathlib import Path

import pytest

from bench import report, results, scale
from bench.results import Result
from bench.scale import (
    TARGET_UTILISATION,
    CostModel,
    UserProfile,
    capacity_plan,
    max_users,
    required_processes,
    user_cpu_s,
)

COSTS = CostModel(
    socket_bytes=20_000,
    idle_cpu_s=10e-6,
    ack_cpu_s=1e-3,
    delivery_cpu_s=10e-6,
    hello_cpu_s=1e-3,
    hello_queries=2,
    page_cpu_s=1e-3,
    remote_message_cpu_s=50e-6,
    redis_cpu_s=1e-6,
    database_cpu_s=100e-6,
    event_bytes=400,
)
PROFILE = UserProfile(sends_per_s=0.01, readers=110, hellos_per_s=0.001, pages_per_s=0.01)


def test_the_cost_of_a_user_is_the_sum_of_its_parts() -> None:
    # idle 10, sends 0.01 x (1000 + 100 x 10) = 20, hellos 1, pages 10 microseconds
    assert user_cpu_s(COSTS, PROFILE) == pytest.approx(41e-6)


def test_the_cost_of_an_ack_includes_a_small_room() -> None:
    small = UserProfile(sends_per_s=0.01, readers=3, hellos_per_s=0, pages_per_s=0)
    assert user_cpu_s(COSTS, small) == pytest.approx(20e-6)


def test_a_single_process_has_no_remote_messages() -> None:
    assert max_users(COSTS, PROFILE, 1) == pytest.approx(TARGET_UTILISATION / 41e-6)


@pytest.mark.parametrize("processes", [2, 10, 100])
def test_max_users_and_required_processes_agree(processes: int) -> None:
    users = max_users(COSTS, PROFILE, processes)
    busy = (
        users * user_cpu_s(COSTS, PROFILE) / processes
        + capacity_plan(COSTS, PROFILE, users, processes).remote_message_share
    )
    assert busy == pytest.approx(TARGET_UTILISATION)
    required = required_processes(COSTS, PROFILE, users)
    # The formula of required_processes counts a process's own messages as remote.
    assert required is not None
    assert processes * 0.9 <= required <= processes * 1.5


def test_no_number_of_processes_suffices_if_remote_messages_take_all_cpu() -> None:
    assert required_processes(COSTS, PROFILE, 1e6) is not None
    assert required_processes(COSTS, PROFILE, 1.3e6) is None


def test_a_plan_multiplies_costs_by_users() -> None:
    plan = capacity_plan(COSTS, PROFILE, users=100_000, processes=10)
    assert plan.messages_per_s == pytest.approx(1000)
    assert plan.deliveries_per_s == pytest.approx(110_000)
    assert plan.memory_bytes == pytest.approx(200e6)
    assert plan.redis_copies_per_s == pytest.approx(10_000)
    assert plan.redis_cores == pytest.approx(0.01)
    assert plan.database_cores == pytest.approx(0.1)
    assert plan.database_queries_per_s == pytest.approx(200)
    assert plan.stored_bytes_per_day == pytest.approx(1000 * 86_400 * 700)
    assert plan.reconnect_all_s == pytest.approx(10)
    assert capacity_plan(COSTS, PROFILE, users=100, processes=1).redis_cores == 0


def measured() -> dict[str, Result]:
    """Results with the names of the real variants and samples."""
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
        benchmark: results.make_result(
            benchmark,
            False,
            False,
            samples={variant: [run] for variant, run in variants.items()},
            skipped={},
        )
        for benchmark, variants in samples.items()
    }


def test_costs_come_from_the_raw_results() -> None:
    costs = scale.cost_model(measured())
    assert costs is not None
    assert costs.__dict__ == pytest.approx(COSTS.__dict__)


def test_a_missing_benchmark_leaves_the_capacity_tables_out(tmp_path: Path) -> None:
    incomplete = measured()
    del incomplete["history"]
    assert scale.cost_model(incomplete) is None
    document = tmp_path / "scale.md"
    document.write_text(f"a {report.BEGIN} b {report.END} c")
    scale.write(document, incomplete)
    assert "Not all of the costs" in document.read_text()
    scale.write(document, measured())
    assert "| connected users |" in document.read_text()
    assert "| a million users |" in document.read_text()
