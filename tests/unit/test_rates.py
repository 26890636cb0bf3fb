"""Token buckets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import RateLimited
from app.core.rates import Bucket, Buckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_and_then_one_at_a_time(clock: Clock) -> None:
    bucket = Bucket(2.0, 3, clock)
    assert [bucket.wait_s() for _ in range(3)] == [0, 0, 0]
    assert bucket.wait_s() == pytest.approx(0.5)
    clock.now += 0.25
    assert bucket.wait_s() == pytest.approx(0.25)
    clock.now += 0.25
    assert bucket.wait_s() == 0
    assert bucket.wait_s() == pytest.approx(0.5)


def test_asking_too_early_costs_nothing(clock: Clock) -> None:
    bucket = Bucket(1.0, 1, clock)
    assert bucket.wait_s() == 0
    for _ in range(100):
        assert bucket.wait_s() == pytest.approx(1.0)
    clock.now += 1.0
    assert bucket.wait_s() == 0


def test_rest_gives_the_burst_back_and_no_more(clock: Clock) -> None:
    bucket = Bucket(10.0, 4, clock)
    assert bucket.idle()
    for _ in range(4):
        bucket.wait_s()
    assert not bucket.idle()
    clock.now += 1_000_000
    assert bucket.idle()
    assert [bucket.wait_s() == 0 for _ in range(5)] == [True] * 4 + [False]


@given(
    rate=st.floats(0.01, 1000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 10), max_size=100),
)
def test_in_any_time_there_are_at_most_the_burst_and_the_rate(
    rate: float, burst: int, pauses: list[float]
) -> None:
    clock = Clock()
    bucket = Bucket(rate, burst, clock)
    passed: list[float] = []
    for pause in pauses:
        clock.now += pause
        wait = bucket.wait_s()
        if wait == 0:
            passed.append(clock.now)
        else:
            # What is said is true: then it passes, and not a moment before.
            assert 0 < wait <= burst / rate + 1e-6
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            most = burst + (passed[last] - begin) * rate
            assert last - first + 1 <= most + 1e-3


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = Buckets("messages", per_second=0.001, burst=2)
    for key in ("ada", "bob"):
        for _ in range(2):
            buckets.spend(key)
        with pytest.raises(RateLimited, match="Too many messages") as caught:
            buckets.spend(key)
        assert caught.value.retry_after_ms
        assert 999_000 < caught.value.retry_after_ms <= 1_000_001


def test_keys_that_are_idle_are_forgotten() -> None:
    buckets = Buckets("attempts", per_second=1e9, burst=1, keep=10)
    for key in range(1000):
        buckets.spend(key)
    assert len(buckets._of) <= 10


def test_keys_that_are_not_idle_are_kept() -> None:
    """Whoever fills the table does not get credit back for it."""
    buckets = Buckets("attempts", per_second=0.001, burst=1, keep=3)
    for key in range(10):
        buckets.spend(key)
    with pytest.raises(RateLimited):
        buckets.spend(0)
