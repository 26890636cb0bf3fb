"""The results of runs as a Markdown table, for the terminal and for docs/reliability.md."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.faults.fault_run import TAIL_S, FaultWindow, RunResult

NORMAL_AFTER_S = 5.0  # after a fault, when its effects are over
LONGEST = 900  # characters of one violation
COLUMNS = (
    *("fault", "injected", "acked during it", "reconnects", "worst repair"),
    *("p99 of sends", "p99 otherwise", "violations"),
)


@dataclass
class Row:
    """One fault, over all runs. Times are of runs in which it was injected alone."""

    injected: int = 0
    acked: int = 0
    reconnects: int = 0
    violations: int = 0
    repairs: list[float] = field(default_factory=list)
    sends: list[float] = field(default_factory=list)
    normal: list[float] = field(default_factory=list)


def rows(results: Iterable[RunResult]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for result in results:
        normal = _normal_sends(result)
        for window in result.windows:
            row = found.setdefault(window.fault.name, Row())
            row.injected += 1
            row.acked += sum(
                _within(window, send.acked) for send in result.history.sends if send.acked
            )
            row.reconnects += _reconnects(result, window)
            if window.alone:
                row.repairs += _repairs(result, window)
                row.sends += _sends(result, window)
        for name in {window.fault.name for window in result.windows}:
            found[name].violations += len(result.violations)
            found[name].normal += normal
    return found


def _within(window: FaultWindow, at: float, tail_s: float = 0.0) -> bool:
    return window.began <= at <= window.ended + tail_s


def _reconnects(result: RunResult, window: FaultWindow) -> int:
    so_far = [count for at, count in result.reconnects if at <= window.ended + TAIL_S]
    before = [count for at, count in result.reconnects if at <= window.began]
    return max(so_far, default=0) - max(before, default=0)


def _repairs(result: RunResult, window: FaultWindow) -> list[float]:
    """Seconds from an event to its delivery to each socket that had the room open all the time;
    counted from the end of a fault that blocks delivery."""
    found = []
    for replica in result.history.replicas:
        for subscription in replica.subscriptions:
            times = result.times(subscription, replica.room)
            for seq, received in subscription.received.items():
                at = times.get(seq, 0.0)
                if at > subscription.at and _within(window, at, TAIL_S):
                    if window.fault.blocks_delivery and at < window.ended < received:
                        at = window.ended
                    found.append(received - at)
    return found


def _sends(result: RunResult, window: FaultWindow) -> list[float]:
    """Seconds from the first attempt to the ack."""
    return [
        send.acked - send.began
        for send in result.history.sends
        if send.acked and _within(window, send.began)
    ]


def _normal_sends(result: RunResult) -> list[float]:
    """The same while no fault is injected."""
    return [
        send.acked - send.began
        for send in result.history.sends
        if send.acked
        and not any(
            _within(window, send.began, NORMAL_AFTER_S) and window.fault.name != "none"
            for window in result.windows
        )
    ]


def p99(seconds: Sequence[float]) -> float | None:
    """None for fewer than 20 values."""
    return statistics.quantiles(seconds, n=100)[98] if len(seconds) >= 20 else None


def table(results: Sequence[RunResult]) -> str:
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        f"|---|{'---:|' * (len(COLUMNS) - 1)}",
    ]
    for name, row in sorted(rows(results).items()):
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


def summary(results: Sequence[RunResult]) -> str:
    """Totals in one line."""
    minutes = sum(result.seconds for result in results) / 60
    acked = sum(result.acked for result in results)
    replies = sum(
        send.seq is not None and send.thread is not None
        for result in results
        for send in result.history.sends
    )
    scheduled = sum(
        each.acked is not None for result in results for each in result.history.scheduled
    )
    changed = sum(
        change.acked is not None for result in results for change in result.history.changes
    )
    received = sum(
        len(subscription.received)
        for result in results
        for replica in result.history.replicas
        for subscription in replica.subscriptions
    )
    faults = sum(len(result.windows) for result in results)
    seeds = sorted(result.plan.seed for result in results)
    violations = sum(len(result.violations) for result in results)
    return (
        f"{minutes:.1f} minutes over {len(seeds)} seeds ({seeds[0]} to {seeds[-1]}): "
        f"{faults} faults, {acked} messages ({replies} in threads), "
        f"{scheduled} scheduled messages and {changed} changes acked, "
        f"{received} deliveries checked, "
        f"**{violations} violations**."
    )


def violations(results: Iterable[RunResult]) -> str:
    return "\n".join(
        f"- seed {result.plan.seed}: {violation.kind}: {violation.what[-LONGEST:]}"
        for result in results
        for violation in result.violations
    )


def markdown(results: Sequence[RunResult], command: str) -> str:
    """The report for docs/reliability.md."""
    parts = [f"`{command}`", summary(results), table(results), violations(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s"
