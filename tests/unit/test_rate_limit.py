"""The arithmetic of rate limits, and the keys of addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.rate_limit import (
    MAX_DEBT_S,
    Decision,
    LimitExceeded,
    LocalLimits,
    Mode,
    Policy,
    PolicyName,
    TokenBucket,
    address_key,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def policy(per_second: float, burst: int) -> Policy:
    return Policy(PolicyName.WRITES, "changes", per_second, burst)


def spend(
    limits: LocalLimits, policy: Policy, key: str = "ada", cost: int = 1, mode: Mode = Mode.SPEND
) -> Decision:
    return limits.evaluate(policy, key, cost, mode)


# One key.


def test_a_bucket_admits_a_burst_and_then_one_at_a_time(clock: Clock) -> None:
    bucket = TokenBucket(2.0, 3, clock)
    assert [bucket.try_acquire() for _ in range(3)] == [0, 0, 0]
    assert bucket.try_acquire() == pytest.approx(0.5)
    clock.now += 0.25
    assert bucket.try_acquire() == pytest.approx(0.25)
    clock.now += 0.25
    assert bucket.try_acquire() == 0
    assert bucket.try_acquire() == pytest.approx(0.5)


def test_a_refused_request_costs_nothing(clock: Clock) -> None:
    bucket = TokenBucket(1.0, 1, clock)
    assert bucket.try_acquire() == 0
    for _ in range(100):
        assert bucket.try_acquire() == pytest.approx(1.0)
    clock.now += 1.0
    assert bucket.try_acquire() == 0


def test_a_pause_restores_the_burst_and_no_more(clock: Clock) -> None:
    bucket = TokenBucket(10.0, 4, clock)
    for _ in range(4):
        bucket.try_acquire()
    clock.now += 1_000_000
    assert [bucket.try_acquire() == 0 for _ in range(5)] == [True] * 4 + [False]


@given(
    rate=st.floats(0.01, 1000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 10), max_size=100),
)
def test_any_interval_admits_at_most_burst_plus_rate(
    rate: float, burst: int, pauses: list[float]
) -> None:
    clock = Clock()
    bucket, limits, changes = (
        TokenBucket(rate, burst, clock),
        LocalLimits(clock),
        policy(rate, burst),
    )
    passed: list[float] = []
    for pause in pauses:
        clock.now += pause
        wait = bucket.try_acquire()
        assert spend(limits, changes).wait_s == pytest.approx(wait, abs=1e-6)
        if wait == 0:
            passed.append(clock.now)
        else:
            # What is said is true: then it passes, and not a moment before.
            assert 0 < wait <= burst / rate + 1e-6
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            most = burst + (passed[last] - begin) * rate
            assert last - first + 1 <= most + 1e-3


# Many keys.


def test_each_key_and_policy_has_its_own_bucket(clock: Clock) -> None:
    limits, changes = LocalLimits(clock), policy(0.001, 2)
    for key in ("ada", "bob"):
        assert [spend(limits, changes, key).wait_s for _ in range(3)] == [0, 0, 1000]
    reads = Policy(PolicyName.READS, "requests", 1, 1)
    assert not spend(limits, reads).wait_s


def test_the_remaining_quota_is_returned(clock: Clock) -> None:
    limits, changes = LocalLimits(clock), policy(2, 10)
    assert [spend(limits, changes, cost=3).remaining for _ in range(3)] == [7, 4, 1]
    refused = spend(limits, changes, cost=3)
    assert (refused.remaining, refused.wait_s, refused.lead_s) == (1, 1.0, 4.5)
    clock.now += 0.6
    assert spend(limits, changes, mode=Mode.CHECK).remaining == 2
    with pytest.raises(LimitExceeded, match="Too many changes: 2 a second, 10 at once") as caught:
        refused.enforce()
    assert caught.value.retry_after_ms == 1000


@pytest.mark.parametrize(
    ("per_second", "said"),
    [(5, "5 a second"), (0.5, "30 a minute"), (2 / 60, "2 a minute"), (1 / 3600, "1 an hour")],
)
def test_a_rate_is_shown_per_second_minute_or_hour(per_second: float, said: str) -> None:
    assert policy(per_second, 3).describe().startswith(said)


def test_a_cost_beyond_the_burst_is_the_whole_burst(clock: Clock) -> None:
    """So no setting makes a request impossible."""
    limits, changes = LocalLimits(clock), policy(1, 3)
    assert not spend(limits, changes, cost=10).wait_s
    assert spend(limits, changes, cost=10).wait_s == 3
    clock.now += 3
    assert not spend(limits, changes, cost=10).wait_s


def test_a_check_spends_nothing_and_a_count_is_never_refused(clock: Clock) -> None:
    limits, changes = LocalLimits(clock), policy(1, 2)
    for _ in range(5):
        assert not spend(limits, changes, mode=Mode.CHECK).wait_s
    for _ in range(4):
        spend(limits, changes, mode=Mode.COUNT)
    assert spend(limits, changes, mode=Mode.CHECK).wait_s == 3  # the debt of two, and one
    for _ in range(1000):
        spend(limits, changes, mode=Mode.COUNT)
    assert spend(limits, changes, mode=Mode.CHECK).wait_s == MAX_DEBT_S + 1


def test_idle_keys_are_evicted(clock: Clock) -> None:
    limits, changes = LocalLimits(clock, max_idle=10), policy(1e6, 1)
    for key in range(1000):
        spend(limits, changes, str(key))
        clock.now += 1
    assert len(limits._arrivals) <= 10


def test_active_keys_are_kept_without_a_scan_for_each_new_key(clock: Clock) -> None:
    """A client that fills the table regains no credit and causes few scans."""
    limits, changes, looks = LocalLimits(clock, max_idle=3), policy(0.001, 1), 0
    for key in range(100):
        before = id(limits._arrivals)
        spend(limits, changes, str(key))
        looks += id(limits._arrivals) != before
    assert all(spend(limits, changes, str(key)).wait_s for key in range(100))
    assert looks < 10


# Addresses.


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:c000:207", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("fe80::2%1", "fe80::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
        ("", "unknown"),
        ("192.0.2.7:80", "unknown"),
        ("192.0.2.007", "unknown"),
        ("[::1]", "unknown"),
        ("/run/chat.sock", "unknown"),
        ("1" * 5000, "unknown"),
    ],
)
def test_addresses_of_an_ipv6_network_share_a_key(address: str, key: str) -> None:
    assert address_key(address) == key


def test_update_sets_the_spending_of_all_processes(clock: Clock) -> None:
    limits, writes = LocalLimits(clock), policy(1.0, 5)
    limits.update(writes, "ada", 4.5)
    assert limits.evaluate(writes, "ada", 1, Mode.SPEND).wait_s == 0.5
    limits.update(writes, "ada", 0.0)
    assert limits.evaluate(writes, "ada", 5, Mode.SPEND).wait_s == 0
