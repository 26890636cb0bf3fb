"""Writes docs/performance.md and its plots from the raw results."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.benchmark import Benchmark, Column, Metric, samples_of
from bench.plot import Bar, bar_chart
from bench.results import Result, all_received
from bench.stats import Summary, format_number

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
# How the names of this server's variants begin; the plots highlight these.
OURS = ("ours", "group", "acks", "listed", "open", "hello", "storm", "deep", "many", "one", "two")

# Every table of runs has these columns after those of its benchmark.
COMMON_COLUMNS = (
    Column("server_share", "CPU of the server, cores"),
    Column("database_share", "CPU of the database, cores"),
    Column("server_mb", "memory of the server, MB"),
)


def write(
    document: Path, benchmarks: Sequence[Benchmark[Any]], results: Mapping[str, Result]
) -> None:
    """Write the metrics, then each benchmark with its runs."""
    parts = _sections(benchmarks, results, plots=document.parent / "performance")
    replace_measured(document, "\n\n".join(parts))


def replace_measured(document: Path, measured: str) -> None:
    """Replace the text between the two markers; the text around them is written by hand.

    Raises ValueError if the document lacks a marker.
    """
    text = document.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document} has no {BEGIN} … {END}")
    document.write_text(f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}", encoding="utf-8")


def _sections(
    benchmarks: Sequence[Benchmark[Any]], results: Mapping[str, Result], plots: Path
) -> list[str]:
    measured = [benchmark for benchmark in benchmarks if benchmark.name in results]
    sections = [_machines(results), _metrics(measured, results)]
    for benchmark in measured:
        result = results[benchmark.name]
        sections += [f"### {benchmark.title}", benchmark.about, _runs(benchmark, result)]
        if benchmark.plot:
            plots.mkdir(exist_ok=True)
            plot = _plot(benchmark, benchmark.plot, result)
            (plots / f"{benchmark.name}.svg").write_text(plot, encoding="utf-8")
            sections.append(f"![{benchmark.title}](performance/{benchmark.name}.svg)")
        sections.append(_load_check(result))
        labels = {variant.name: variant.label for variant in benchmark.variants}
        sections += [
            f"Not measured: {labels.get(name, name)}: {reason}."
            for name, reason in result.skipped.items()
        ]
    missing = [benchmark.title for benchmark in benchmarks if benchmark.name not in results]
    if missing:
        sections.append(f"Not measured yet: {', '.join(missing)}.")
    return sections


def _machines(results: Mapping[str, Result]) -> str:
    lines: list[str] = []
    for result in results.values():
        machine = ", ".join(f"{name} {value}" for name, value in result.machine.items())
        texts = "texts of real messages" if result.real_texts else "generated texts"
        line = f"{machine}; {texts}" + ("; QUICK, not to be quoted" if result.quick else "")
        if line not in lines:
            lines.append(line)
    days = sorted({f"{result.taken_at:%Y-%m-%d}" for result in results.values()})
    return f"Measured {', '.join(days)} on: " + " | ".join(lines) + "."


def _metrics(benchmarks: Sequence[Benchmark[Any]], results: Mapping[str, Result]) -> str:
    rows = [
        [
            metric.label,
            f"{metric.value} {metric.unit}",
            _target(metric),
            {True: "yes", False: "**no**", None: ""}[metric.reached],
        ]
        for benchmark in benchmarks
        for metric in benchmark.metrics(results[benchmark.name].samples)
    ]
    return markdown_table(["metric", "median (min–max)", "target", "reached"], rows)


def _target(metric: Metric) -> str:
    if metric.target is None:
        return ""
    return f"{'≤' if metric.lower_is_better else '≥'} {format_number(metric.target)}"


def _runs(benchmark: Benchmark[Any], result: Result) -> str:
    columns = [
        column
        for column in (*benchmark.columns, *COMMON_COLUMNS)
        if any(samples_of(result.samples, v.name, column.key) for v in benchmark.variants)
    ]
    rows = [
        [variant.label, *(_summary(result, variant.name, column.key) for column in columns)]
        for variant in benchmark.variants
        if result.samples.get(variant.name)
    ]
    return markdown_table(["", *(column.heading for column in columns)], rows)


def _summary(result: Result, variant: str, key: str) -> str:
    values = samples_of(result.samples, variant, key)
    return str(Summary.of(values)) if values else ""


def _load_check(result: Result) -> str:
    """States that the load did not limit the servers, and that no frame was lost."""
    runs = [run for samples in result.samples.values() for run in samples]
    shares = [run["load_share"] for run in runs if "load_share" in run]
    expected = sum(run.get("expected", 0.0) for run in runs)
    received = sum(run.get("received", 0.0) for run in runs)
    counts = f"{received:,.0f} of {expected:,.0f} expected frames were received"
    if not all_received(result.samples):
        counts = f"**{counts}**"
    if shares:
        share = Summary.of(shares)
        load = f"the load used {share.median:.0%} of its core (median), at most {share.max:.0%}"
    else:
        load = "the CPU of the load was not measured"
    return f"{len(runs)} runs; {counts}; {load}."


def _plot(benchmark: Benchmark[Any], key: str, result: Result) -> str:
    column = next(column for column in benchmark.columns if column.key == key)
    rows = [
        Bar(variant.label, Summary.of(values), variant.name.startswith(OURS))
        for variant in benchmark.variants
        if (values := samples_of(result.samples, variant.name, key))
    ]
    return bar_chart(benchmark.title, column.heading, rows)


def markdown_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
