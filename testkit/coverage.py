"""What a whole run of the tests has to execute of app/: floors, and what is below them.

Processes that the tests start report, too: testkit/child_coverage/ is in their PYTHONPATH.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPORTS = "SLIPCOVER_COVERAGE_DIR"  # set by slipcover for the workers of pytest-xdist
ROOT = Path(__file__).resolve().parents[1]
CHILDREN = ROOT / "testkit/child_coverage"

MIN_APP = 0.98  # of the lines of app/
MIN_CORE = 1.00  # of the lines and branches of these
CORE = (
    "app/wire/",
    "app/core/",
    "app/messages/send/",
    "app/realtime/delivery/",
    "app/rooms/policy.py",
)


def measure_children() -> None:
    """Lets every process that this one starts measure itself, if this one is measured."""
    if REPORTS in os.environ and "PYTEST_XDIST_WORKER" in os.environ:
        os.environ["PYTHONPATH"] = str(CHILDREN)


def child_variables() -> dict[str, str]:
    """With these a process finds `app` outside of the checkout, and reports if it is measured."""
    if os.environ.get("PYTHONPATH") != str(CHILDREN):
        return {"PYTHONPATH": str(ROOT)}
    return {"PYTHONPATH": f"{ROOT}{os.pathsep}{CHILDREN}", REPORTS: os.environ[REPORTS]}


def share(measured: Mapping[str, Any], kind: str) -> str:
    covered, missing = _counts(measured, kind)
    return f"{covered / (covered + missing):.1%} of {covered + missing} {kind}"


def below_floors(measured: Mapping[str, Any]) -> list[str]:
    """The floors that are not reached, after what was not executed, for slipcover's report."""
    findings = []
    files = sorted(measured["files"].items())
    core = [(path, file) for path, file in files if path.startswith(CORE)]
    executed, missing = (
        sum(len(file[f"{how}_lines"]) + len(file[f"{how}_branches"]) for _, file in core)
        for how in ("executed", "missing")
    )
    if executed < MIN_CORE * (executed + missing):
        findings += [_describe(path, file) for path, file in core if _has_gap(file)]
        findings.append(f"{', '.join(CORE)}: at least {MIN_CORE:.0%} are required")
    covered, missing = _counts(measured, "lines")
    if covered < MIN_APP * (covered + missing):
        findings += [_describe(path, file) for path, file in files if _has_gap(file)]
        findings.append(f"app/: {share(measured, 'lines')}, at least {MIN_APP:.0%} are required")
    return findings


def _has_gap(file: Mapping[str, Any]) -> bool:
    return bool(file["missing_lines"] or file["missing_branches"])


def _describe(path: str, file: Mapping[str, Any]) -> str:
    return f"{path}: lines {file['missing_lines']}, branches {file['missing_branches']}"


def _counts(measured: Mapping[str, Any], kind: str) -> tuple[int, int]:
    summary = measured["summary"]
    return summary[f"covered_{kind}"], summary[f"missing_{kind}"]
