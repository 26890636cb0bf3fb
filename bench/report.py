"""docs/performance.md and its plots, from the raw results."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.case import Case, Column, Figure, values
from bench.plot import Bar, bars
from bench.results import Result, complete
from bench.stats import Spread, number

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
OURS = ("ours", "group", "acks", "listed", "open", "hello", "storm", "deep", "many", "one", "two")


# What every table has beside what its case is about.
COMMON = (
    Column("server_share", "CPU of the server, cores"),
    Column("database_share", "CPU of the database, cores"),
    Column("server_mb", "memory of the server, MB"),
)


def write(document: Path, cases: Sequence[Case[Any]], results: Mapping[str, Result]) -> None:
    """The figures, then each case with its runs."""
    parts = _parts(cases, results, plots=document.parent / "performance")
    replace_measured(document, "\n\n".join(parts))


def replace_measured(document: Path, measured: str) -> None:
    """Replace what stands between the two marks; the words around it are people's.

    Raises ValueError for a document without the marks.
    """
    text = document.read_text(encoding="utf-8")
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"{document} has no {BEGIN} … {END}")
    document.write_text(f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}", encoding="utf-8")


def _parts(cases: Sequence[Case[Any]], results: Mapping[str, Result], plots: Path) -> list[str]:
    known = [case for case in cases if case.name in results]
    parts = [_machine(results), _figures(known, results)]
    for case in known:
        result = results[case.name]
        parts += [f"### {case.title}", case.about, _runs(case, result)]
        if case.plot:
            plots.mkdir(exist_ok=True)
            (plots / f"{case.name}.svg").write_text(_plot(case, result), encoding="utf-8")
            parts.append(f"![{case.title}](performance/{case.name}.svg)")
        parts.append(_proof(result))
        parts += [f"Not measured: {label}: {why}." for label, why in _skipped(case, result)]
    missing = [case.title for case in cases if case.name not in results]
    if missing:
        parts.append(f"Not measured yet: {', '.join(missing)}.")
    return parts


def _machine(results: Mapping[str, Result]) -> str:
    found: list[str] = []
    for result in results.values():
        about = ", ".join(f"{name} {value}" for name, value in result.machine.items())
        texts = "texts of real messages" if result.real_texts else "made-up texts"
        line = f"{about}; {texts}" + ("; QUICK, no figures to quote" if result.quick else "")
        if line not in found:
            found.append(line)
    days = sorted({f"{result.taken_at:%Y-%m-%d}" for result in results.values()})
    return f"Measured {', '.join(days)} on: " + " | ".join(found) + "."


def _figures(cases: Sequence[Case[Any]], results: Mapping[str, Result]) -> str:
    figures = [f for case in cases for f in case.figures(results[case.name].samples)]
    rows = [
        [
            figure.what,
            f"{figure.value} {figure.unit}",
            _target(figure),
            {True: "yes", False: "**no**", None: ""}[figure.reached],
        ]
        for figure in figures
    ]
    return markdown_table(["figure", "median (least–greatest)", "target", "reached"], rows)


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"{'≤' if figure.most else '≥'} {number(figure.target)}"


def _runs(case: Case[Any], result: Result) -> str:
    columns = [
        column
        for column in (*case.columns, *COMMON)
        if any(values(result.samples, arm.name, column.key) for arm in case.arms)
    ]
    rows = [
        [
            arm.label,
            *(
                str(Spread.of(found)) if (found := values(result.samples, arm.name, c.key)) else ""
                for c in columns
            ),
        ]
        for arm in case.arms
        if result.samples.get(arm.name)
    ]
    return markdown_table(["", *(column.heading for column in columns)], rows)


def _proof(result: Result) -> str:
    """That the load did not hold the servers back, and that nothing was missing."""
    runs = [run for samples in result.samples.values() for run in samples]
    shares = [run["load_share"] for run in runs if "load_share" in run]
    expected = sum(run.get("expected", 0.0) for run in runs)
    received = sum(run.get("received", 0.0) for run in runs)
    counts = f"{received:,.0f} of {expected:,.0f} expected frames were received"
    if not complete(result.samples):
        counts = f"**{counts}**"
    busy = Spread.of(shares) if shares else None
    load = (
        f"the load used {busy.median:.0%} of its core in the median, {busy.most:.0%} at most"
        if busy
        else "no load was metered"
    )
    return f"{len(runs)} runs; {counts}; {load}."


def _skipped(case: Case[Any], result: Result) -> list[tuple[str, str]]:
    labels = {arm.name: arm.label for arm in case.arms}
    return [(labels.get(arm, arm), why) for arm, why in result.skipped.items()]


def _plot(case: Case[Any], result: Result) -> str:
    assert case.plot is not None
    column = next(column for column in case.columns if column.key == case.plot)
    rows = [
        Bar(arm.label, Spread.of(found), arm.name.startswith(OURS))
        for arm in case.arms
        if (found := values(result.samples, arm.name, case.plot))
    ]
    return bars(case.title, column.heading, rows)


def markdown_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
