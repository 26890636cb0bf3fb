"""Summary statistics and number formatting."""

from collections.abc import Sequence
from math import ceil
from statistics import median
from typing import NamedTuple


class Summary(NamedTuple):
    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Summary":
        """Raises ValueError if there are no values."""
        if not values:
            raise ValueError("nothing was measured")
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        if self.min == self.max:
            return format_number(self.median)
        shown = [format_number(value) for value in self]
        return f"{shown[0]} ({shown[1]}–{shown[2]})"


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; `share` is from 0 to 1. Raises ValueError without values."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * share) - 1)]


def latency_percentiles(latencies_s: Sequence[float]) -> dict[str, float]:
    return {f"p{p}_ms": percentile(latencies_s, p / 100) * 1000 for p in (50, 99)}


def format_number(value: float) -> str:
    """Three significant digits, with a thousands separator."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
