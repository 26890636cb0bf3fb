"""Few numbers out of many."""

import pytest

from bench.stats import Spread, number, percentile


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (0.995, 100), (1.0, 100)]
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_the_p99_of_few_values_is_the_greatest() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0


def test_there_is_no_statistic_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="nothing"):
        Spread.of([])


def test_a_spread_is_the_median_and_what_is_around_it() -> None:
    assert Spread.of([9.0, 1.0, 4.0]) == Spread(4.0, 1.0, 9.0)
    assert str(Spread.of([1200.0, 1000.0, 1100.0])) == "1,100 (1,000–1,200)"
    assert str(Spread.of([2.0])) == "2"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.012345, "0.0123"), (9.876, "9.88"), (99.4, "99.4"), (1234567.8, "1,234,568")],
)
def test_numbers_are_for_people(value: float, shown: str) -> None:
    assert number(value) == shown
