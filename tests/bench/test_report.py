"""From raw results to the document."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import report, results
from bench.case import Arm, Case, Column, Figure, Samples, one, ratio, unless_known
from bench.cases import CASES
from bench.lab import Lab, Sample
from bench.results import Result
from bench.run import chosen

DOCUMENT = f"# Title\n\nby people\n\n{report.BEGIN}\nold\n{report.END}\n\nby people, too\n"


async def never(lab: Lab, stage: None) -> Sample:
    raise AssertionError


def no_stage(lab: Lab) -> AbstractAsyncContextManager[None]:
    raise AssertionError


def figures(samples: Samples) -> list[Figure]:
    return [
        *one("speed", samples, "ours", "rate", "a second", target=100.0),
        *one("delay", samples, "ours", "ms", "ms", target=2.0, most=True),
        *ratio("speed, ÷ theirs", samples, "rate", "ours", "theirs", target=3.0),
        *ratio("speed, ÷ nobody's", samples, "rate", "ours", "nobody"),
    ]


CASE: Case[None] = Case(
    name="sample",
    title="A sample",
    about="It is made up.",
    arms=[Arm(name, name.title(), never) for name in ("ours", "theirs", "nobody")],
    columns=[Column("rate", "per second"), Column("ms", "ms")],
    figures=figures,
    stage=no_stage,
    plot="rate",
)


def result(**changes: Any) -> Result:
    samples = {
        "ours": [
            {"rate": rate, "ms": 3.0, "load_share": 0.2, "expected": 10.0, "received": 10.0}
            for rate in (120.0, 100.0, 110.0)
        ],
        "theirs": [{"rate": rate} for rate in (40.0, 20.0, 22.0)],
    }
    given: dict[str, Any] = {"samples": samples, "skipped": {"nobody": "nobody is there"}}
    return results.make("sample", quick=False, real_texts=False, **(given | changes))


def written(folder: Path, found: Result, cases: Sequence[Case[Any]] = (CASE,)) -> str:
    document = folder / "performance.md"
    document.write_text(DOCUMENT)
    report.write(document, cases, {found.case: found})
    return document.read_text()


def test_what_people_wrote_stays(tmp_path: Path) -> None:
    text = written(tmp_path, result())
    assert text.startswith("# Title\n\nby people\n\n")
    assert text.endswith("\n\nby people, too\n")
    assert "old" not in text


def test_it_is_the_same_when_written_again(tmp_path: Path) -> None:
    text = written(tmp_path, found := result())
    report.write(tmp_path / "performance.md", (CASE,), {"sample": found})
    assert (tmp_path / "performance.md").read_text() == text


def test_a_document_without_the_marks_is_refused(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("# Title\n")
    with pytest.raises(ValueError, match="measured: begin"):
        report.write(document, (CASE,), {"sample": result()})
    assert document.read_text() == "# Title\n"


def test_figures_say_whether_they_are_reached(tmp_path: Path) -> None:
    text = written(tmp_path, result())
    assert "| speed | 110 (100–120) a second | ≥ 100 | yes |" in text
    assert "| delay | 3 ms | ≤ 2 | **no** |" in text
    # Runs that followed each other are compared: 120/40, 100/20, 110/22.
    assert "| speed, ÷ theirs | 5 (3–5) × | ≥ 3 | yes |" in text
    assert "nobody's" not in text


def test_what_was_not_measured_is_named(tmp_path: Path) -> None:
    other = Case(**(CASE.__dict__ | {"name": "other", "title": "Another"}))
    text = written(tmp_path, result(), (CASE, other))
    assert "Not measured: Nobody: nobody is there." in text
    assert "Not measured yet: Another." in text


def test_the_load_is_proved_and_what_is_missing_shown(tmp_path: Path) -> None:
    text = written(tmp_path, result())
    assert "30 of 30 expected frames were received; the load used 20% of its core" in text
    short = result(samples={"ours": [{"rate": 1.0, "expected": 10.0, "received": 9.0}]})
    assert "**9 of 10 expected frames were received**" in written(tmp_path, short)


def test_the_plot_is_svg_with_a_bar_for_each_arm(tmp_path: Path) -> None:
    text = written(tmp_path, result())
    assert "![A sample](performance/sample.svg)" in text
    tree = ET.fromstring((tmp_path / "performance" / "sample.svg").read_text())  # noqa: S314
    names = [element.text for element in tree.iter() if element.tag.endswith("text")]
    assert names == ["A sample (per second)", "Ours", "110", "Theirs", "22"]


def test_raw_results_are_kept_as_they_are(tmp_path: Path) -> None:
    kept = result()
    results.save(kept, tmp_path / "new")
    assert results.load(tmp_path / "new") == {"sample": kept}
    assert results.load(tmp_path / "none") == {}


def test_cases_are_chosen_by_name() -> None:
    assert chosen(CASES, "") == list(CASES)
    assert [case.name for case in chosen(CASES, "acks, fanout")] == ["acks", "fanout"]
    with pytest.raises(ValueError, match="no case fan"):
        chosen(CASES, "fan")


def test_every_case_stands_on_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    for case in CASES:
        assert len({arm.name for arm in case.arms}) == len(case.arms)
        assert case.figures({}) == []
        assert case.plot is None or case.plot in {column.key for column in case.columns}


def test_a_setting_that_the_server_does_not_have_is_told() -> None:
    assert unless_known("realtime", "coalesce_writes") is None
    assert unless_known("realtime", "read_minds") is not None
