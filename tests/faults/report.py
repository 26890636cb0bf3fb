"""What runs survived, as a table: markdown, to be read in a terminal and pasted into a document."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.faults.lab import TAIL_S, Outcome, Window

NORMAL_AFTER_S = 5.0  # after a fault: its effect is over
LONGEST = 400  # characters of one violation
COLUMNS = (
    *("fault", "injected", "acked during it", "reconnects", "worst repair"),
    *("p99 of sends", "p99 otherwise", "violations"),
)


@dataclass
class Row:
    """One fault, over all runs. Repair and p99 are of runs in which it came alone."""

    injected: int = 0
    acked: int = 0
    reconnects: int = 0
    violations: int = 0
    repairs: list[float] = field(default_factory=list)
    sends: list[float] = field(default_factory=list)
    normal: list[float] = field(default_factory=list)


def rows(outcomes: Iterable[Outcome]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for outcome in outcomes:
        normal = _normal_sends(outcome)
        for window in outcome.windows:
            row = found.setdefault(window.fault.name, Row())
            row.injected += 1
            row.acked += sum(
                _within(window, send.acked) for send in outcome.evidence.sends if send.acked
            )
            row.reconnects += _reconnects(outcome, window)
            if window.alone:
                row.repairs += _repairs(outcome, window)
                row.sends += _sends(outcome, window)
        for name in {window.fault.name for window in outcome.windows}:
            found[name].violations += len(outcome.violations)
            found[name].normal += normal
    return found


def _within(window: Window, at: float, tail_s: float = 0.0) -> bool:
    return window.began <= at <= window.ended + tail_s


def _reconnects(outcome: Outcome, window: Window) -> int:
    so_far = [count for at, count in outcome.reconnects if at <= window.ended + TAIL_S]
    before = [count for at, count in outcome.reconnects if at <= window.began]
    return max(so_far, default=0) - max(before, default=0)


def _repairs(outcome: Outcome, window: Window) -> list[float]:
    """Seconds from an event to each socket that had its room open all the time; where the fault
    holds a link itself, from its end."""
    found = []
    for reading in outcome.evidence.readings:
        times = outcome.tables.times.get(reading.room, {})
        for opening in reading.openings:
            for seq, received in opening.received.items():
                at = times.get(seq, 0.0)
                if at > opening.at and _within(window, at, TAIL_S):
                    if window.fault.stalls and at < window.ended < received:
                        at = window.ended
                    found.append(received - at)
    return found


def _sends(outcome: Outcome, window: Window) -> list[float]:
    """Seconds from the first attempt to the ack."""
    return [
        send.acked - send.began
        for send in outcome.evidence.sends
        if send.acked and _within(window, send.began)
    ]


def _normal_sends(outcome: Outcome) -> list[float]:
    """The same, while nothing is broken."""
    return [
        send.acked - send.began
        for send in outcome.evidence.sends
        if send.acked
        and not any(
            _within(window, send.began, NORMAL_AFTER_S) and window.fault.name != "none"
            for window in outcome.windows
        )
    ]


def p99(seconds: Sequence[float]) -> float | None:
    """None where there are too few to speak of one."""
    return statistics.quantiles(seconds, n=100)[98] if len(seconds) >= 20 else None


def table(outcomes: Sequence[Outcome]) -> str:
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        f"|---|{'---:|' * (len(COLUMNS) - 1)}",
    ]
    for name, row in sorted(rows(outcomes).items()):
        cells: list[object] = [
            name,
            row.injected,
            row.acked,
            row.reconnects,
            _seconds(max(row.repairs, default=None)),
            _seconds(p99(row.sends)),
            _seconds(p99(row.normal)),
            row.violations,
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def summary(outcomes: Sequence[Outcome]) -> str:
    """One line: how much, and what was wrong."""
    minutes = sum(outcome.seconds for outcome in outcomes) / 60
    acked = sum(outcome.acked for outcome in outcomes)
    received = sum(
        len(opening.received)
        for outcome in outcomes
        for reading in outcome.evidence.readings
        for opening in reading.openings
    )
    faults = sum(len(outcome.windows) for outcome in outcomes)
    seeds = sorted(outcome.plan.seed for outcome in outcomes)
    violations = sum(len(outcome.violations) for outcome in outcomes)
    return (
        f"{minutes:.1f} minutes over {len(seeds)} seeds ({seeds[0]} to {seeds[-1]}): "
        f"{faults} faults, {acked} messages acked, {received} deliveries checked, "
        f"**{violations} violations**."
    )


def violations(outcomes: Iterable[Outcome]) -> str:
    return "\n".join(
        f"- seed {outcome.plan.seed}: {violation.kind}: {violation.what[-LONGEST:]}"
        for outcome in outcomes
        for violation in outcome.violations
    )


def markdown(outcomes: Sequence[Outcome], command: str) -> str:
    """For docs/reliability.md."""
    parts = [f"`{command}`", summary(outcomes), table(outcomes), violations(outcomes)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"
