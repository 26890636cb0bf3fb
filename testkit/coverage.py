"""What a whole run of the tests has to execute of app/: floors, and what is below them.

Code that runs only in processes that the tests start (the supervisor, the command line, logs, the
terminal) is not measured, so the floor of app/ is below what is tested. A few lines of the core
run only when two things meet in time, so its floor is not 100 % either.
"""

from collections.abc import Mapping
from typing import Any

MIN_APP = 0.96  # of the lines of app/
MIN_CORE = 0.99  # of the lines and branches of these
CORE = (
    "app/wire/",
    "app/core/",
    "app/messages/send/",
    "app/realtime/delivery/",
    "app/rooms/policy.py",
)


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
