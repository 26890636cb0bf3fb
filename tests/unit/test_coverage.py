from typing import Any

from testkit.coverage import CORE, below_floors, share


def report(path: str, *missing: int) -> dict[str, Any]:
    """Of one file with 100 lines."""
    summary = {"covered_lines": 100 - len(missing), "missing_lines": len(missing)}
    executed = [line for line in range(100) if line not in missing]
    lines = {"executed_lines": executed, "missing_lines": list(missing)}
    file = lines | {"executed_branches": [], "missing_branches": []}
    return {"summary": summary, "files": {path: file}}


def test_the_core_needs_99_percent_of_lines_and_branches() -> None:
    assert below_floors(report("app/core/ids.py", 7)) == []
    assert below_floors(report("app/core/ids.py", 7, 8)) == [
        "app/core/ids.py: lines [7, 8], branches []",
        f"{', '.join(CORE)}: at least 99% are required",
    ]


def test_other_packages_need_96_percent_of_lines() -> None:
    assert below_floors(report("app/cli.py", 6, 7, 8, 9)) == []
    assert below_floors(report("app/cli.py", 5, 6, 7, 8, 9)) == [
        "app/cli.py: lines [5, 6, 7, 8, 9], branches []",
        "app/: 95.0% of 100 lines, at least 96% are required",
    ]


def test_the_share_of_executed_lines_is_printed() -> None:
    assert share(report("app/core/ids.py", 7), "lines") == "99.0% of 100 lines"
