"""The report: from raw results to the document."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import report, results
from bench.benchmark import (
    Benchmark,
    Column,
    Metric,
    Samples,
    Variant,
    metric,
    missing_setting,
    ratio_metric,
)
from bench.benchmarks import BENCHMARKS
from bench.environment import BenchEnvironment, Sample
from bench.results import Result
from bench.run import select_benchmarks

DOCUMENT = (
    f"# Title\n\nwritten by hand\n\n{report.BEGIN}\nold\n{report.END}\n\nwritten by hand, too\n"
)


async def not_called(env: BenchEnvironment, setup: None) -> Sample:
    raise AssertionError


def no_setup(env: BenchEnvironment) -> AbstractAsyncContextManager[None]:
    raise AssertionError


def metrics(samples: Samples) -> list[Metric]:
    return [
        *metric("speed", samples, "ours", "rate", "a second", target=100.0),
        *metric("delay", samples, "ours", "ms", "ms", target=2.0, lower_is_better=True),
        *ratio_metric("speed, ÷ baseline", samples, "rate", "ours", "baseline", target=3.0),
        *ratio_metric("speed, ÷ absent", samples, "rate", "ours", "absent"),
    ]


BENCHMARK: Benchmark[None] = Benchmark(
    name="sample",
    title="A sample",
    about="An example.",
    variants=[Variant(name, name.title(), not_called) for name in ("ours", "baseline", "absent")],
    columns=[Column("rate", "per second"), Column("ms", "ms")],
    metrics=metrics,
    setup=no_setup,
    plot="rate",
)


def make_result(**changes: Any) -> Result:
    samples = {
        "ours": [
            {"rate": rate, "ms": 3.0, "load_share": 0.2, "expected": 10.0, "received": 10.0}
            for rate in (120.0, 100.0, 110.0)
        ],
        "baseline": [{"rate": rate} for rate in (40.0, 20.0, 22.0)],
    }
    fields: dict[str, Any] = {"samples": samples, "skipped": {"absent": "not installed"}}
    return results.make_result("sample", quick=False, real_texts=False, **(fields | changes))


def write_report(
    folder: Path, result: Result, benchmarks: Sequence[Benchmark[Any]] = (BENCHMARK,)
) -> str:
    document = folder / "performance.md"
    document.write_text(DOCUMENT)
    report.write(document, benchmarks, {result.benchmark: result})
    return document.read_text()


def test_text_outside_of_the_markers_is_kept(tmp_path: Path) -> None:
    text = write_report(tmp_path, make_result())
    assert text.startswith("# Title\n\nwritten by hand\n\n")
    assert text.endswith("\n\nwritten by hand, too\n")
    assert "old" not in text


def test_writing_the_report_twice_changes_nothing(tmp_path: Path) -> None:
    result = make_result()
    text = write_report(tmp_path, result)
    report.write(tmp_path / "performance.md", (BENCHMARK,), {"sample": result})
    assert (tmp_path / "performance.md").read_text() == text


def test_a_document_without_markers_is_refused(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("# Title\n")
    with pytest.raises(ValueError, match="measured: begin"):
        report.write(document, (BENCHMARK,), {"sample": make_result()})
    assert document.read_text() == "# Title\n"


def test_metrics_say_whether_the_target_is_reached(tmp_path: Path) -> None:
    text = write_report(tmp_path, make_result())
    assert "| speed | 110 (100–120) a second | ≥ 100 | yes |" in text
    assert "| delay | 3 ms | ≤ 2 | **no** |" in text
    # Ratios are of adjacent runs: 120/40, 100/20, 110/22.
    assert "| speed, ÷ baseline | 5 (3–5) × | ≥ 3 | yes |" in text
    assert "÷ absent" not in text


def test_the_report_names_what_was_not_measured(tmp_path: Path) -> None:
    other = Benchmark(**(BENCHMARK.__dict__ | {"name": "other", "title": "Another"}))
    text = write_report(tmp_path, make_result(), (BENCHMARK, other))
    assert "Not measured: Absent: not installed." in text
    assert "Not measured yet: Another." in text


def test_the_report_shows_the_cpu_of_the_load_and_missing_frames(tmp_path: Path) -> None:
    text = write_report(tmp_path, make_result())
    assert "30 of 30 expected frames were received; the load used 20% of its core" in text
    incomplete = make_result(samples={"ours": [{"rate": 1.0, "expected": 10.0, "received": 9.0}]})
    assert "**9 of 10 expected frames were received**" in write_report(tmp_path, incomplete)


def test_the_plot_has_a_bar_for_each_variant(tmp_path: Path) -> None:
    text = write_report(tmp_path, make_result())
    assert "![A sample](performance/sample.svg)" in text
    tree = ET.fromstring((tmp_path / "performance" / "sample.svg").read_text())  # noqa: S314
    names = [element.text for element in tree.iter() if element.tag.endswith("text")]
    assert names == ["A sample (per second)", "Ours", "110", "Baseline", "22"]


def test_raw_results_survive_saving_and_loading(tmp_path: Path) -> None:
    result = make_result()
    results.save(result, tmp_path / "new")
    assert results.load(tmp_path / "new") == {"sample": result}
    assert results.load(tmp_path / "none") == {}


def test_benchmarks_are_selected_by_name() -> None:
    assert select_benchmarks(BENCHMARKS, "") == list(BENCHMARKS)
    selected = select_benchmarks(BENCHMARKS, "acks, fanout")
    assert [benchmark.name for benchmark in selected] == ["acks", "fanout"]
    with pytest.raises(ValueError, match="no benchmark fan"):
        select_benchmarks(BENCHMARKS, "fan")


def test_every_benchmark_is_consistent() -> None:
    assert len({benchmark.name for benchmark in BENCHMARKS}) == len(BENCHMARKS)
    for benchmark in BENCHMARKS:
        assert len({variant.name for variant in benchmark.variants}) == len(benchmark.variants)
        assert benchmark.metrics({}) == []
        assert benchmark.plot is None or benchmark.plot in {
            column.key for column in benchmark.columns
        }


def test_a_missing_setting_is_a_reason_to_skip() -> None:
    assert missing_setting("realtime", "coalesce_writes") is None
    assert missing_setting("realtime", "read_minds") is not None
