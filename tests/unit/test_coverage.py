from typing import Any

from testkit.coverage import below_floors, share


def report(path: str, *missing: int) -> dict[str, Any]:
    """Of one file with 100 lines."""
    summary = {"covered_lines": 100 - len(missing), "missing_lines": len(missing)}
    file = {"missing_lines": list(missing), "missing_branches": []}
    return {"summary": summary, "files": {path: file}}


def test_every_line_of_core_has_to_be_executed() -> None:
    assert below_floors(report("app/core/ids.py")) == []
    assert below_floors(report("app/core/ids.py", 7)) == ["app/core/ids.py: lines [7], branches []"]


def test_other_packages_need_98_percent_of_lines() -> None:
    assert below_floors(report("app/cli.py", 7, 8)) == []
    assert below_floors(report("app/cli.py", 7, 8, 9)) == [
        "app/cli.py: lines [7, 8, 9]",
        "app/: 97.0% of 100 lines, at least 98% are required",
    ]


def test_the_share_of_executed_lines_is_printed() -> None:
    assert share(report("app/core/ids.py", 7), "lines") == "99.0% of 100 lines"
