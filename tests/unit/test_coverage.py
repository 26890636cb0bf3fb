"""The floors of coverage, and processes that report what they have executed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from testkit.coverage import (
    CHILDREN,
    CORE,
    REPORTS,
    ROOT,
    below_floors,
    child_variables,
    measure_children,
    share,
)


def report(path: str, *missing: int) -> dict[str, Any]:
    """Of one file with 100 lines."""
    summary = {"covered_lines": 100 - len(missing), "missing_lines": len(missing)}
    executed = [line for line in range(100) if line not in missing]
    lines = {"executed_lines": executed, "missing_lines": list(missing)}
    file = lines | {"executed_branches": [], "missing_branches": []}
    return {"summary": summary, "files": {path: file}}


def test_the_core_needs_all_lines_and_branches() -> None:
    assert below_floors(report("app/core/ids.py")) == []
    assert below_floors(report("app/core/ids.py", 7)) == [
        "app/core/ids.py: lines [7], branches []",
        f"{', '.join(CORE)}: at least 100% are required",
    ]


def test_other_packages_need_98_percent_of_lines() -> None:
    assert below_floors(report("app/cli.py", 8, 9)) == []
    assert below_floors(report("app/cli.py", 7, 8, 9)) == [
        "app/cli.py: lines [7, 8, 9], branches []",
        "app/: 97.0% of 100 lines, at least 98% are required",
    ]


def test_the_share_of_executed_lines_is_printed() -> None:
    assert share(report("app/core/ids.py", 7), "lines") == "99.0% of 100 lines"


def reports_of(tmp_path: Path, *words: str) -> list[dict[str, Any]]:
    """What a process with these arguments reports."""
    variables = {"PYTHONPATH": f"{ROOT}{os.pathsep}{CHILDREN}", REPORTS: str(tmp_path)}
    command = [sys.executable, *words]
    subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, check=True)
    return [json.loads(file.read_text())["files"] for file in tmp_path.glob("coverage-gw*.json")]


def test_a_process_reports_what_it_executed_of_the_program(tmp_path: Path) -> None:
    (files,) = reports_of(tmp_path, "-m", "app", "--help")
    main = files[str(ROOT / "app/__main__.py")]
    assert main["missing_lines"] == []
    assert main["executed_branches"]
    supervisor = files[str(ROOT / "app/server/supervisor.py")]
    assert supervisor["executed_lines"]  # its imports and definitions
    assert supervisor["missing_lines"]  # and what they contain


def test_a_process_without_the_program_reports_nothing(tmp_path: Path) -> None:
    assert reports_of(tmp_path, "-c", "import json") == []


def test_only_the_processes_of_a_measured_worker_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(REPORTS, raising=False)
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    measure_children()
    assert child_variables() == {"PYTHONPATH": str(ROOT)}
    monkeypatch.setenv(REPORTS, "reports")
    measure_children()
    assert child_variables() == {"PYTHONPATH": f"{ROOT}{os.pathsep}{CHILDREN}", REPORTS: "reports"}
