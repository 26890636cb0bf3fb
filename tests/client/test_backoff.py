from app.client.backoff import Backoff


def ceiling(backoff: Backoff) -> float:
    backoff.draw = lambda low, high: high
    return backoff.next_s()


def test_backoff_ceiling_doubles_up_to_max_s() -> None:
    backoff = Backoff()
    assert [ceiling(backoff) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_backoff_uses_full_jitter() -> None:
    backoff = Backoff(initial_s=10, max_s=10)
    drawn = [backoff.next_s() for _ in range(300)]
    assert min(drawn) < 1
    assert max(drawn) > 9
    assert all(0 <= pause <= 10 for pause in drawn)


def test_backoff_resets_only_after_a_stable_connection() -> None:
    backoff = Backoff()
    for _ in range(5):
        ceiling(backoff)
    assert not backoff.reset_after(59.9)
    assert ceiling(backoff) == 16
    assert backoff.reset_after(60)
    assert ceiling(backoff) == 0.5


def test_backoff_does_not_overflow_after_1000_attempts() -> None:
    backoff = Backoff()
    assert [ceiling(backoff) for _ in range(2000)][-1] == 30
