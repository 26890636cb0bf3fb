"""Summary statistics and number formatting."""

import pytest

from bench.stats import Summary, format_number, latency_percentiles, percentile


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.995, 100), (1.0, 100)]
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_the_p99_of_few_values_is_the_maximum() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0


def test_latency_percentiles_are_in_milliseconds() -> None:
    assert latency_percentiles([0.001, 0.002, 0.003]) == {"p50_ms": 2.0, "p99_ms": 3.0}


def test_statistics_of_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="nothing"):
        Summary.of([])


def test_a_summary_has_median_minimum_and_maximum() -> None:
    assert Summary.of([9.0, 1.0, 4.0]) == Summary(4.0, 1.0, 9.0)
    assert str(Summary.of([1200.0, 1000.0, 1100.0])) == "1,100 (1,000–1,200)"
    assert str(Summary.of([2.0])) == "2"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.012345, "0.0123"), (9.876, "9.88"), (99.4, "99.4"), (1234567.8, "1,234,568")],
)
def test_numbers_have_three_significant_digits(value: float, shown: str) -> None:
    assert format_number(value) == shown
