"""The comparison of two commits: its metrics, and when it fails."""

from pathlib import Path

import pytest

from bench.benchmarks import BENCHMARKS
from bench.compare import METRICS, Results, _has_locked_packages
from bench.compare_side import FAILED
from bench.environment import ROOT


def test_compared_metrics_are_those_of_the_benchmarks() -> None:
    benchmarks = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    assert {metric.benchmark for metric in METRICS} == set(benchmarks)
    for metric in METRICS:
        benchmark = benchmarks[metric.benchmark]
        assert metric.variant in {variant.name for variant in benchmark.variants}
        assert metric.key in {column.key for column in benchmark.columns}


@pytest.mark.parametrize(
    ("rates", "ratio", "passes"),
    [
        ([(100.0, 90.0), (100.0, 96.0), (100.0, 110.0)], "0.96 (0.9–1.1)", True),
        ([(100.0, 94.0)], "0.94", False),
    ],
)
def test_a_median_ratio_below_0_95_fails(
    rates: list[tuple[float, float]], ratio: str, passes: bool
) -> None:
    results = Results()
    for old, new in rates:
        results.add("hello", "hello", {"hellos_per_cpu_s": old}, {"hellos_per_cpu_s": new})
    table, passed = results.table("hello")
    assert f"| {ratio} | {len(rates)} |" in table
    assert passed is passes


def test_a_ratio_above_1_is_better_for_latency_too() -> None:
    results = Results()
    results.add("latency", "ours-at-ours", {"p99_ms": 20.0}, {"p99_ms": 10.0})
    table, passed = results.table("latency")
    assert "| 20 | 10 | 2 | 1 | ok |" in table
    assert "not measured" in table  # at the rate of Socket.IO
    assert passed


@pytest.mark.parametrize(
    "new", [FAILED, {"hellos_per_cpu_s": 9.0, "expected": 2.0, "received": 1.0}]
)
def test_a_failed_run_or_a_lost_frame_fails(new: object) -> None:
    results = Results()
    results.add("hello", "hello", {"hellos_per_cpu_s": 1.0}, new)
    table, passed = results.table("hello")
    assert "a run failed" in table
    assert not passed


def test_nothing_measured_is_no_pass() -> None:
    assert not Results().table("")[1]


def test_the_installed_packages_are_those_of_the_lock(tmp_path: Path) -> None:
    assert _has_locked_packages(ROOT / "requirements-dev.lock")
    lock = tmp_path / "requirements.lock"
    lock.write_text("pytest==1.0 \\\n    --hash=sha256:00\n")
    assert not _has_locked_packages(lock)
    lock.write_text('not-installed==1.0 ; sys_platform == "win32" \\\n')
    assert _has_locked_packages(lock)
