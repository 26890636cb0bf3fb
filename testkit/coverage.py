"""What a whole run of the tests has to execute of app/: floors, and what is below them."""

from collections.abc import Mapping
from typing import Any

MIN_LINES = 0.98  # of app/
ALL_BRANCHES = (  # every line and branch of these
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
    """`file: lines and branches that were not executed`, for slipcover's report."""
    findings = [
        f"{path}: lines {file['missing_lines']}, branches {file['missing_branches']}"
        for path, file in sorted(measured["files"].items())
        if path.startswith(ALL_BRANCHES) and (file["missing_lines"] or file["missing_branches"])
    ]
    covered, missing = _counts(measured, "lines")
    if covered < MIN_LINES * (covered + missing):
        findings += [
            f"{path}: lines {file['missing_lines']}"
            for path, file in sorted(measured["files"].items())
            if file["missing_lines"] and not path.startswith(ALL_BRANCHES)
        ]
        findings.append(f"app/: {share(measured, 'lines')}, at least {MIN_LINES:.0%} are required")
    return findings


def _counts(measured: Mapping[str, Any], kind: str) -> tuple[int, int]:
    summary = measured["summary"]
    return summary[f"covered_{kind}"], summary[f"missing_{kind}"]
